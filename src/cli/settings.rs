//! From arguments to settings: reads the files that arguments name and checks their values.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use qonform::contract::{Catalogue, Contract, Level};
use qonform::document::Document;
use qonform::exchange::{Credentials, KeyRole, Secret, TransportSettings, Trust};
use qonform::reference;
use qonform::run::{
    External, Isolation, Levels, NamePattern, Production, Regressions, Scope, Selection, Settings, StopPolicy,
    TargetSettings, Waivers,
};

use super::args::{
    ConnectionArguments, ContractArguments, PaceArguments, RunArguments, SelectionArguments, TargetArguments,
};
use super::files::unreadable;
use super::{CliError, labels, waivers};

/// The contract to test against.
pub(super) fn contract(arguments: &ContractArguments) -> Result<Arc<Contract>, CliError> {
    let Some(path) = &arguments.spec else { return Ok(Arc::new(Contract::embedded())) };
    let document = Document::load_up_to(path, arguments.max_document_size.into());
    let document = document.map_err(|error| CliError::usage(format!("use {error}")))?;
    let contract = Contract::from_document(document, Catalogue::embedded());
    contract.map(Arc::new).map_err(|error| CliError::usage(format!("use {error}")))
}

/// The settings of a run.
pub(super) fn settings(arguments: &RunArguments, contract: &Contract) -> Result<Settings, CliError> {
    let pace = &arguments.pace;
    let defaults = Settings::with_effort(arguments.selection.effort);
    Ok(Settings {
        target: target(&arguments.target)?,
        selection: selection(&arguments.selection, contract.rules())?,
        levels: levels(&arguments.selection, contract.rules())?,
        waivers: match &arguments.gates.waivers {
            Some(path) => waivers::read(path, contract, chrono::Utc::now().date_naive())?,
            None => Waivers::default(),
        },
        layers: Some(arguments.selection.layers.iter().copied().collect::<std::collections::BTreeSet<_>>())
            .filter(|layers| !layers.is_empty()),
        effort: arguments.selection.effort,
        inputs: arguments.selection.cases.unwrap_or(defaults.inputs),
        histories: arguments.selection.cases.unwrap_or(defaults.histories),
        steps: arguments.selection.steps.max(1),
        race_attempts: arguments.selection.race_tries.map_or(defaults.race_attempts, |tries| tries.max(1)),
        shrink_time: arguments.selection.shrink_time,
        replay: None,
        regressions: Vec::new(),
        operations: operations(&arguments.selection.operations, contract)?,
        scope: match (arguments.target.read_only, arguments.target.keep_main) {
            (true, _) => Scope::ReadOnly,
            (_, true) => Scope::KeepMain,
            _ => Scope::Full,
        },
        seed: pace.seed.unwrap_or_else(random_seed),
        names: arguments.target.target.as_ref().map(|_| random_seed()),
        jobs: pace.jobs.unwrap_or(defaults.jobs),
        project_jobs: pace.jobs.unwrap_or(defaults.project_jobs),
        transport: transport(pace, &arguments.connection)?,
        stop_policy: if arguments.selection.fail_fast { StopPolicy::FailFast } else { StopPolicy::Never },
        allows_inconclusive: arguments.selection.allow_inconclusive,
        confirmation: defaults.confirmation,
        clock: defaults.clock,
        max_time: pace.max_time,
        spent: defaults.spent,
        journal: arguments.journal.clone(),
        labels: labels::labels(
            &arguments.following.labels,
            |name| std::env::var(name).ok(),
            &credentials(&arguments.target),
        )?,
    })
}

/// How requests are sent.
pub(super) fn transport(pace: &PaceArguments, connection: &ConnectionArguments) -> Result<TransportSettings, CliError> {
    let authorities = match &connection.cacert {
        None => None,
        Some(path) => fs::read(path).map(Some).map_err(|error| {
            CliError::usage(format!("read the certificates {}: {}", path.display(), unreadable(&error)))
        })?,
    };
    Ok(TransportSettings {
        timeout: pace.timeout,
        connect_timeout: pace.connect_timeout,
        rate: pace.rate,
        max_wait: pace.patience,
        trust: match (connection.insecure, authorities) {
            (true, _) => Trust::Any,
            (false, None) => Trust::System,
            (false, Some(authorities)) => Trust::Authorities(authorities),
        },
        ..TransportSettings::default()
    })
}

/// A seed from the clock, short enough to type.
fn random_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40
}

fn target(arguments: &TargetArguments) -> Result<TargetSettings, CliError> {
    let Some(url) = &arguments.target else {
        return Ok(TargetSettings::Embedded(reference::Options {
            clock: reference::Clock::Logical,
            ..reference::Options::default()
        }));
    };
    external(url, arguments).map(TargetSettings::External)
}

/// The server at `url`, with its keys, products and headers.
pub(super) fn external(url: &str, arguments: &TargetArguments) -> Result<External, CliError> {
    if url.trim().is_empty() {
        return Err(CliError::usage(
            "use an empty target: give a URL by --target, or unset QONFORM_TARGET to test the embedded server",
        ));
    }
    let mut products = arguments.product_ids.clone();
    if let Some(path) = &arguments.product_ids_file {
        let text = fs::read_to_string(path).map_err(|error| {
            CliError::usage(format!("read the product ids {}: {}", path.display(), unreadable(&error)))
        })?;
        products.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    Ok(External {
        url: url.to_owned(),
        keys: keys(arguments).collect(),
        products,
        variant: arguments.variant_id.clone(),
        second_product: arguments.second_product_id.clone(),
        isolation: if arguments.shared { Isolation::Shared } else { Isolation::Exclusive },
        production: if arguments.allow_production { Production::Allowed } else { Production::Denied },
        headers: arguments.headers.iter().map(|header| read_header(header)).collect::<Result<_, _>>()?,
    })
}

/// The given keys.
fn keys(arguments: &TargetArguments) -> impl Iterator<Item = (KeyRole, Secret)> {
    [
        (KeyRole::Main, &arguments.token),
        (KeyRole::Second, &arguments.second_token),
        (KeyRole::Limited, &arguments.limited_token),
        (KeyRole::Empty, &arguments.empty_token),
    ]
    .into_iter()
    .filter_map(|(role, key)| Some((role, Secret::new(key.as_deref()?))))
}

/// Everything secret in the arguments, also without a target, to be redacted from what the run shows.
fn credentials(arguments: &TargetArguments) -> Credentials {
    let headers = arguments.headers.iter().filter_map(|header| read_header(header).ok());
    let named = headers.enumerate().map(|(number, (_, value))| (format!("QONFORM_HEADER_{}", number + 1), value));
    let keys = keys(arguments).fold(Credentials::default(), |all, (role, key)| all.with_key(role, key));
    named.fold(keys, |all, (name, value)| all.with(&name, value))
}

fn read_header(header: &str) -> Result<(String, Secret), CliError> {
    let parts = header.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    match parts {
        Some((name, value))
            if http::HeaderName::try_from(name).is_ok() && http::HeaderValue::try_from(value).is_ok() =>
        {
            Ok((name.to_ascii_lowercase(), Secret::new(value)))
        }
        // The text may hold a secret.
        _ => Err(CliError::usage("use a value of --header: write it as `Name: value`")),
    }
}

fn patterns(texts: &[String], catalogue: &Catalogue) -> Result<Vec<NamePattern>, CliError> {
    texts.iter().map(|text| rule_pattern(text.trim(), catalogue)).collect()
}

/// A pattern of rules; an error without a near name points at the list of rules.
pub(super) fn rule_pattern(text: &str, catalogue: &Catalogue) -> Result<NamePattern, CliError> {
    NamePattern::of(text, catalogue).map_err(|error| match error.hint {
        Some(_) => CliError::usage(error),
        None => CliError::usage(format!("{error}; `qonform rules` lists all rules")),
    })
}

fn operation_pattern(text: &str, contract: &Contract) -> Result<NamePattern, CliError> {
    NamePattern::of_operations(text, contract).map_err(|error| match error.hint {
        Some(_) => CliError::usage(error),
        None => CliError::usage(format!("{error}; give an `operationId` of {}", contract.document().name())),
    })
}

fn operations(texts: &[String], contract: &Contract) -> Result<Vec<NamePattern>, CliError> {
    texts.iter().map(|text| operation_pattern(text.trim(), contract)).collect()
}

/// Default file of past failures, beside the configuration.
const REGRESSIONS: &str = "qonform-regressions.json";

/// The file of past failures; `None` if none is given and the default does not exist.
pub(super) fn regressions(named: Option<&Path>, configuration: Option<&Path>) -> Result<Option<Regressions>, CliError> {
    let default = configuration.map_or_else(|| PathBuf::from(REGRESSIONS), |file| file.with_file_name(REGRESSIONS));
    match named.or_else(|| default.exists().then_some(default.as_path())) {
        Some(path) => Regressions::load(path).map(Some).map_err(CliError::usage),
        None => Ok(None),
    }
}

fn selection(arguments: &SelectionArguments, catalogue: &Catalogue) -> Result<Selection, CliError> {
    let selection = Selection {
        only: patterns(&arguments.only, catalogue)?,
        skip: patterns(&arguments.skip, catalogue)?,
        case: None,
    };
    if catalogue.rules().iter().any(|rule| selection.includes(&rule.id)) {
        Ok(selection)
    } else {
        Err(CliError::usage("test anything: --only and --skip together leave no rule; `qonform rules` lists all"))
    }
}

fn levels(arguments: &SelectionArguments, catalogue: &Catalogue) -> Result<Levels, CliError> {
    let ranks = arguments.ranks;
    let mut levels = [
        (ranks.allow, &arguments.allow, Level::Open),
        (ranks.warn, &arguments.warn, Level::Should),
        (ranks.deny, &arguments.deny, Level::Must),
    ];
    // The last match decides: a flag overrides a file, regardless of the level.
    levels.sort_by_key(|(rank, ..)| *rank);
    let mut overrides = Vec::new();
    for (_, texts, level) in levels {
        for text in texts {
            let text = if text == "all" { "*" } else { text };
            overrides.push((rule_pattern(text, catalogue)?, level));
        }
    }
    Ok(Levels { overrides })
}
