//! Exactly what was typed. Nothing here touches the world.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use qonform::exchange::Rate;
use qonform::reference::{Behaviour, Fault};
use qonform::run::{Layer, Shard};

use super::configuration::{ConfigurationArguments, InitArguments, Rank};
use super::gates::GateArguments;
use super::merge::MergeArguments;
use super::out::ColorChoice;

/// Test a server against the contract of the Qonversion REST API v4 offerings resource.
#[derive(Debug, Parser)]
#[command(name = "qonform", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 no violation, 1 violations, 2 arguments or contract unusable,\n\
    3 the target could not be tested, a must rule not decided, or something not removed, 101 a bug of qonform, 130 interrupted.")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Test a server against the contract; without --target, the embedded one.
    Run(Box<RunArguments>),
    /// List the rules of the contract.
    Rules(RulesArguments),
    /// Tell what a rule promises, where the contract says so, how it is checked, and what it needs.
    Explain(ExplainArguments),
    /// Serve the embedded server, to try the harness or a client on.
    Serve(ServeArguments),
    /// Run the suite against every planted fault and every right behaviour of the embedded server.
    Selftest(SelftestArguments),
    /// Play the case of one finding again; 1 when it still shows.
    Replay(Box<ReplayArguments>),
    /// Make other formats of a JSON report.
    Report(ReportArguments),
    /// Compare two JSON reports; 1 when the newer one has new violations.
    Diff(DiffArguments),
    /// Put the reports of shards together into the one of the whole run.
    Merge(MergeArguments),
    /// Tell what is off in the contract's document itself; 1 when anything is.
    Lint(LintArguments),
    /// Write a commented qonform.toml, which holds what every run of a project has in common.
    Init(InitArguments),
    /// Print what a run would take for every flag, and where each value comes from.
    #[command(after_help = "Example:\n  qonform config --profile staging")]
    Config(Box<RunArguments>),
    /// Print completions for a shell.
    Completions(CompletionsArguments),
    /// Print the manual page.
    Man,
    /// Remove what killed runs left on their targets, and put the mains back.
    Clean(Box<CleanArguments>),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform run                                          the embedded server\n  \
    QONFORM_TOKEN=test_sk_… qonform run -u https://staging.example/v4 --product-id monthly\n  \
    qonform run --only 'create.*' --skip create.echo --report junit=junit.xml --report html=report.html")]
pub(super) struct RunArguments {
    #[command(flatten)]
    pub(super) target: TargetArguments,
    #[command(flatten)]
    pub(super) contract: ContractArguments,
    #[command(flatten)]
    pub(super) selection: SelectionArguments,
    #[command(flatten)]
    pub(super) gates: GateArguments,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    /// Where to note what the run creates, before it does [default: a file under ~/.local/state/qonform].
    #[arg(long, env = "QONFORM_JOURNAL", value_name = "FILE", help_heading = "Target")]
    pub(super) journal: Option<PathBuf>,
    #[command(flatten)]
    pub(super) following: FollowingArguments,
    #[command(flatten)]
    pub(super) output: OutputArguments,
    #[command(flatten)]
    pub(super) configuration: ConfigurationArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct TargetArguments {
    /// Base URL of the server; without a path the contract's (/v4) is added.
    #[arg(long, short = 'u', visible_alias = "url", env = "QONFORM_TARGET", value_name = "URL")]
    pub(super) target: Option<String>,
    /// Secret key of the project to test. Better set the variable: arguments can be seen by others.
    #[arg(long, env = "QONFORM_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) token: Option<String>,
    /// Secret key of another project.
    #[arg(long, env = "QONFORM_SECOND_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) second_token: Option<String>,
    /// A valid key without permission for offerings.
    #[arg(long, env = "QONFORM_LIMITED_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) limited_token: Option<String>,
    /// Secret key of a project that has no offerings.
    #[arg(long, env = "QONFORM_EMPTY_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub(super) empty_token: Option<String>,
    /// A product id that is registered in the project; may be given again.
    #[arg(long = "product-id", env = "QONFORM_PRODUCT_IDS", value_delimiter = ',', value_name = "ID")]
    pub(super) product_ids: Vec<String>,
    /// A file with one registered product id per line.
    #[arg(long, env = "QONFORM_PRODUCT_IDS_FILE", value_name = "FILE")]
    pub(super) product_ids_file: Option<PathBuf>,
    /// A product id that is registered in the project of --second-token and not in that of --token.
    #[arg(long, env = "QONFORM_SECOND_PRODUCT_ID", value_name = "ID")]
    pub(super) second_product_id: Option<String>,
    /// The id of an experiment-variant offering. Updates, deletes and set-mains of it are really sent: the server must
    /// refuse each of them, and one that does not changes or deletes it.
    #[arg(long, env = "QONFORM_VARIANT_ID", value_name = "ID")]
    pub(super) variant_id: Option<String>,
    /// A header for every request, as `Name: value`; may be given again.
    #[arg(
        long = "header",
        short = 'H',
        env = "QONFORM_HEADERS",
        value_delimiter = '\n',
        hide_env_values = true,
        value_name = "HEADER"
    )]
    pub(super) headers: Vec<String>,
    /// Send nothing but GETs.
    #[arg(long, env = "QONFORM_READ_ONLY", conflicts_with = "keep_main")]
    pub(super) read_only: bool,
    /// Never make another offering main.
    #[arg(long, env = "QONFORM_KEEP_MAIN")]
    pub(super) keep_main: bool,
    /// Other clients write to the projects during the run: what they may have changed is no violation.
    #[arg(long, env = "QONFORM_SHARED")]
    pub(super) shared: bool,
    /// Go ahead with a production key (sk_…) or the production host.
    #[arg(long, env = "QONFORM_ALLOW_PRODUCTION")]
    pub(super) allow_production: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Contract")]
pub(super) struct ContractArguments {
    /// An OpenAPI 3.0 document with the six operations; without it the embedded one.
    #[arg(long, env = "QONFORM_SPEC", value_name = "FILE")]
    pub(super) spec: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct LintArguments {
    #[command(flatten)]
    pub(super) contract: ContractArguments,
    #[command(flatten)]
    pub(super) configuration: ConfigurationArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(super) struct SelectionArguments {
    /// Only rules that match (`create.*`, `*.variant`, an area such as `list`); may be given again.
    #[arg(long, env = "QONFORM_ONLY", value_delimiter = ',', value_name = "GLOB")]
    pub(super) only: Vec<String>,
    /// No rules that match; may be given again.
    #[arg(long, env = "QONFORM_SKIP", value_delimiter = ',', value_name = "GLOB")]
    pub(super) skip: Vec<String>,
    /// Rules that are violations when broken, whatever the contract says; `all` for every rule.
    #[arg(long, env = "QONFORM_DENY", value_delimiter = ',', value_name = "GLOB")]
    pub(super) deny: Vec<String>,
    /// Rules that are only warnings when broken.
    #[arg(long, env = "QONFORM_WARN", value_delimiter = ',', value_name = "GLOB")]
    pub(super) warn: Vec<String>,
    /// Rules that are not held against the server.
    #[arg(long, env = "QONFORM_ALLOW", value_delimiter = ',', value_name = "GLOB")]
    pub(super) allow: Vec<String>,
    /// How much the three above weigh against each other: a flag more than a file, whatever its level.
    #[arg(skip)]
    pub(super) ranks: LevelRanks,
    /// Only these kinds of cases: scenario, input, sequence, race [default: all; with --only those written by hand].
    #[arg(long = "layer", env = "QONFORM_LAYER", value_delimiter = ',', value_name = "LAYER")]
    pub(super) layers: Vec<Layer>,
    /// Operations outside of the offerings to try as well, by operation id (`v4*Product*`); may be given again. What they
    /// create is not removed.
    #[arg(long = "operations", env = "QONFORM_OPERATIONS", value_delimiter = ',', value_name = "GLOB")]
    pub(super) operations: Vec<String>,
    /// A file of past failures of generated cases, which are played first; what this run finds is added [default:
    /// qonform-regressions.json beside the configuration, where it exists].
    #[arg(long, env = "QONFORM_REGRESSIONS", value_name = "FILE")]
    pub(super) regressions: Option<PathBuf>,
    /// How many generated cases of each kind [default: 100 inputs per operation,
    /// 50 histories].
    #[arg(long, short = 'n', env = "QONFORM_CASES", value_name = "N", allow_negative_numbers = true)]
    pub(super) cases: Option<u64>,
    /// The most steps of a generated history.
    #[arg(long, env = "QONFORM_STEPS", default_value_t = 30, value_name = "N", allow_negative_numbers = true)]
    pub(super) steps: usize,
    /// How often each race is tried; for at most five seconds where the target is not the embedded server.
    #[arg(long, env = "QONFORM_RACE_TRIES", default_value_t = 30, value_name = "N", allow_negative_numbers = true)]
    pub(super) race_tries: u32,
    /// Only a part of the cases, as `2/4`; every part needs the same --seed, and `qonform merge` puts their reports
    /// together.
    #[arg(long, env = "QONFORM_SHARD", value_name = "N/OF")]
    pub(super) shard: Option<Shard>,
    /// Accept that a must rule stays inconclusive: without it such a run ends with exit code 3.
    #[arg(long, env = "QONFORM_ALLOW_INCONCLUSIVE")]
    pub(super) allow_inconclusive: bool,
    /// End at the first violation.
    #[arg(long, env = "QONFORM_FAIL_FAST")]
    pub(super) fail_fast: bool,
    /// Tell what would run and what would be skipped, and change nothing.
    #[arg(long, env = "QONFORM_DRY_RUN")]
    pub(super) dry_run: bool,
}

/// Where the globs of levels came from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LevelRanks {
    pub(super) allow: Rank,
    pub(super) warn: Rank,
    pub(super) deny: Rank,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(super) struct PaceArguments {
    /// The same seed sends the same requests, with other names on a target; drawn when not given, and always reported.
    #[arg(long, env = "QONFORM_SEED", value_name = "N", allow_negative_numbers = true)]
    pub(super) seed: Option<u64>,
    /// Cases side by side, where the target has a project for each [default: the number of cores].
    #[arg(long, short = 'j', env = "QONFORM_JOBS", value_name = "N", allow_negative_numbers = true)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Limit for one response.
    #[arg(long, env = "QONFORM_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "TIME")]
    pub(super) timeout: Duration,
    /// Limit for opening a connection.
    #[arg(long, env = "QONFORM_CONNECT_TIMEOUT", default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub(super) connect_timeout: Duration,
    /// The most requests in a second or minute: `20/s`, `600/m`.
    #[arg(long, env = "QONFORM_RATE", value_name = "RATE")]
    pub(super) rate: Option<Rate>,
    /// How long returns 429 and 503 are waited out, per request.
    #[arg(long, env = "QONFORM_PATIENCE", default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub(super) patience: Duration,
    /// Limit for the whole run, cleaning up apart; what ran until then stands.
    #[arg(long, env = "QONFORM_MAX_TIME", value_parser = duration, value_name = "TIME")]
    pub(super) max_time: Option<Duration>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectionArguments {
    /// A file with certificates (PEM) that are trusted instead of the machine's.
    #[arg(long, env = "QONFORM_CACERT", value_name = "FILE")]
    pub(super) cacert: Option<PathBuf>,
    /// Trust any server that responds, without checking its certificate: the keys go to any server.
    #[arg(long, env = "QONFORM_INSECURE")]
    pub(super) insecure: bool,
}

/// What is written while a run goes on.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct FollowingArguments {
    /// Writes a line of JSON for each event as it happens; `-` is stdout, which then carries no report.
    #[arg(long, env = "QONFORM_EVENTS", value_name = "FILE")]
    pub(super) events: Option<PathBuf>,
    /// The HAR of `--report har=PATH` holds every exchange of the run, not only those of the findings.
    #[arg(long, env = "QONFORM_RECORD_ALL")]
    pub(super) record_all: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArguments {
    /// What stdout gets.
    #[arg(long, env = "QONFORM_FORMAT", default_value = "human", value_enum)]
    pub(super) format: StdoutFormat,
    /// Writes a report to a file, as FORMAT=PATH; may be given again.
    #[arg(long = "report", env = "QONFORM_REPORT", value_delimiter = ',', value_name = "FORMAT=PATH")]
    pub(super) reports: Vec<String>,
    /// Writes each finding to a directory, as a script, a Hurl file and a Rust test that show it again.
    #[arg(long, env = "QONFORM_EXPORT", value_name = "DIR")]
    pub(super) export: Option<PathBuf>,
    /// When to use colours.
    #[arg(long, env = "QONFORM_COLOR", default_value = "auto", value_enum)]
    pub(super) color: ColorChoice,
    /// Only findings and the last line.
    #[arg(long, short, env = "QONFORM_QUIET", conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// More: each exchange on stderr as it ends, and in the report what each rule promises, every step of a finding with
    /// its bodies, and which returns never came. Twice (-vv): headers and bodies of each exchange too.
    #[arg(long, short, env = "QONFORM_VERBOSE", action = ArgAction::Count)]
    pub(super) verbose: u8,
}

/// What stdout gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum StdoutFormat {
    /// Text for people.
    Human,
    /// The JSON report.
    Json,
}

#[derive(Debug, Args)]
pub(super) struct RulesArguments {
    /// Only rules that match.
    #[arg(value_name = "GLOB")]
    pub(super) patterns: Vec<String>,
    /// How to list them.
    #[arg(long, default_value = "human", value_enum)]
    pub(super) format: RulesFormat,
}

/// How rules are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum RulesFormat {
    /// A line each.
    Human,
    /// As JSON.
    Json,
    /// As the tables of docs/rules.md.
    Markdown,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  qonform explain delete.removes")]
pub(super) struct ExplainArguments {
    /// The rule's id.
    #[arg(value_name = "RULE")]
    pub(super) rule: String,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform serve                                        a right server on port 4010\n  \
    qonform serve --fault delete-still-readable          a broken one")]
pub(super) struct ServeArguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, short, env = "QONFORM_PORT", default_value_t = 4010)]
    pub(super) port: u16,
    /// A fault to serve with; may be given again.
    #[arg(long = "fault", value_name = "NAME")]
    pub(super) faults: Vec<Fault>,
    /// Another right choice where the contract is open; may be given again.
    #[arg(long = "behaviour", value_name = "NAME")]
    pub(super) behaviours: Vec<Behaviour>,
    /// How long every response takes on top, as from a server far away (`100ms`).
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(super) delay: Option<Duration>,
    /// Only list the faults and behaviours, each with a sentence.
    #[arg(long)]
    pub(super) list: bool,
}

#[derive(Debug, Args)]
pub(super) struct SelftestArguments {
    /// Only these faults and behaviours.
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// Seed of every run.
    #[arg(long, default_value_t = 1, value_name = "N", allow_negative_numbers = true)]
    pub(super) seed: u64,
    /// Serve every fault and every behaviour on a port and test it from outside, all layers in one project.
    #[arg(long, conflicts_with = "layers")]
    pub(super) whole: bool,
    /// With --whole: only about N faults of all families, and half as many correct servers.
    #[arg(long, requires = "whole", value_name = "N", allow_negative_numbers = true)]
    pub(super) sample: Option<NonZeroUsize>,
    /// With --whole: only correct servers, tested as projects to which no other client writes, or others may.
    #[arg(long, requires = "whole", value_name = "PROJECTS", value_enum)]
    pub(super) correct: Option<Projects>,
    /// Servers side by side [default: six times the number of cores; with --whole twice].
    #[arg(long, short = 'j', value_name = "N", allow_negative_numbers = true)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Only these kinds of cases, and only the faults that they are expected to catch.
    #[arg(long = "layer", value_delimiter = ',', value_name = "LAYER")]
    pub(super) layers: Vec<Layer>,
    /// How many combinations of behaviours are drawn.
    #[arg(long, default_value_t = 30, value_name = "N", allow_negative_numbers = true)]
    pub(super) combinations: u64,
    /// What stdout gets.
    #[arg(long, default_value = "human", value_enum)]
    pub(super) format: StdoutFormat,
    /// Of the matrix only the trials that need a look.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// What a self-test takes projects for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Projects {
    /// No other client writes to them.
    Exclusive,
    /// Other clients may write to them.
    Shared,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  qonform replay report.json afc0ac21 -u https://staging.example/v4\n\n\
    What is played and its seed are those of the finding: flags that select cases are refused.")]
pub(super) struct ReplayArguments {
    /// The JSON report that holds the finding.
    #[arg(value_name = "REPORT")]
    pub(super) report: PathBuf,
    /// The finding's fingerprint, or its beginning.
    #[arg(value_name = "FINGERPRINT")]
    pub(super) fingerprint: String,
    #[command(flatten)]
    pub(super) run: RunArguments,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    qonform report run.json                              for people, on stdout\n  \
    qonform report run.json --to html=report.html,sarif=report.sarif")]
pub(super) struct ReportArguments {
    /// The JSON report of a run.
    #[arg(value_name = "RUN.json")]
    pub(super) run: PathBuf,
    /// Formats and files, as FORMAT=PATH or a path whose ending names the format; may be given again.
    #[arg(long, value_delimiter = ',', value_name = "FORMAT=PATH")]
    pub(super) to: Vec<String>,
    /// When to use colours.
    #[arg(long, env = "QONFORM_COLOR", default_value = "auto", value_enum)]
    pub(super) color: ColorChoice,
    /// Every step with its headers and bodies.
    #[arg(long, short)]
    pub(super) verbose: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  qonform diff main.json branch.json --format markdown")]
pub(super) struct DiffArguments {
    /// The JSON report of the older run.
    #[arg(value_name = "OLD.json")]
    pub(super) old: PathBuf,
    /// The JSON report of the newer run.
    #[arg(value_name = "NEW.json")]
    pub(super) new: PathBuf,
    /// What stdout gets.
    #[arg(long, default_value = "human", value_enum)]
    pub(super) format: DiffFormat,
    /// When to use colours.
    #[arg(long, env = "QONFORM_COLOR", default_value = "auto", value_enum)]
    pub(super) color: ColorChoice,
}

/// How a comparison is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum DiffFormat {
    /// Text for people.
    Human,
    /// As JSON.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  qonform clean                                        whatever killed runs left\n  \
    qonform clean -u https://staging.example/v4 --prefix qf-abcd-\n\nThe keys come from the same variables as for the run (QONFORM_TOKEN, …). Only offerings whose \
    ids start with the run's prefix\nare removed, and those without it that the journal names."
)]
pub(super) struct CleanArguments {
    /// A journal that a run left; may be given again [default: all under ~/.local/state/qonform].
    #[arg(long = "journal", env = "QONFORM_JOURNAL", value_name = "FILE")]
    pub(super) journals: Vec<PathBuf>,
    /// Without a journal: remove everything of the project whose id starts with this (`qf-abcd-`); the main is not put back.
    #[arg(long, value_name = "PREFIX", conflicts_with = "journals")]
    pub(super) prefix: Option<String>,
    #[command(flatten)]
    pub(super) target: TargetArguments,
    #[command(flatten)]
    pub(super) pace: PaceArguments,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    #[command(flatten)]
    pub(super) configuration: ConfigurationArguments,
}

/// `10s`, `500ms`, `2m`, or plain seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` is no time: write `10s`, `500ms` or `2m`"))?;
    let time = match unit.trim() {
        "ms" => Duration::from_millis(number),
        "" | "s" => Duration::from_secs(number),
        "m" | "min" => Duration::from_secs(number.saturating_mul(60)),
        _ => return Err(format!("`{text}` is no time: write `10s`, `500ms` or `2m`")),
    };
    if time.is_zero() {
        return Err("a limit of nothing leaves no time for any response".into());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        for bad in ["", "s", "5h", "-1s", "0"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
