//! `qonform explain RULE`.

use qonform::contract::{Catalogue, Contract, Rule};
use qonform::offerings::scenario;

use super::args::ExplainArguments;
use super::rules::level;
use super::{CliError, out};

/// Tells everything about one rule.
pub(super) fn explain(arguments: &ExplainArguments) -> Result<u8, CliError> {
    let contract = Contract::embedded();
    let catalogue = contract.rules();
    let Some(rule) = catalogue.rule(&arguments.rule) else {
        let hint = catalogue.nearest(&arguments.rule).map_or(String::new(), |near| format!("; is `{near}` meant?"));
        return Err(CliError::usage(format!("find the rule `{}`{hint} (qonform rules lists them)", arguments.rule)));
    };
    out::out(&text(&contract, catalogue, rule))?;
    Ok(0)
}

fn text(contract: &Contract, catalogue: &Catalogue, rule: &Rule) -> String {
    let mut text = format!("{} ({})\n\n", rule.id, level(rule.level));
    let mut part = |head: &str, body: &str| {
        text.push_str(&format!("{head:<9}"));
        text.push_str(&wrapped(body, 9, out::width(100)));
        text.push_str("\n\n");
    };
    part("promise", &rule.statement);
    part("check", &rule.check);
    if !rule.operations.is_empty() {
        let operations: Vec<_> = rule.operations.iter().map(|endpoint| endpoint.operation_id()).collect();
        part("about", &operations.join(", "));
    }
    let sources: Vec<_> = rule
        .from
        .iter()
        .map(|tag| catalogue.source(tag).map_or_else(|| tag.clone(), |source| format!("{tag}: {}", source.title)))
        .collect();
    part(
        "from",
        &if sources.is_empty() { "no document; it follows from the others".into() } else { sources.join("; ") },
    );
    if let Some(pointer) = &rule.at {
        let position = contract.document().position(pointer);
        let place = format!("{}:{}:{}", contract.document().name(), position.line, position.column);
        part("written", &format!("{place} ({pointer})"));
    }
    for need in &rule.needs {
        let facts = catalogue.need(*need);
        part("needs", &format!("{}: {}", facts.what, facts.flags.join(" or ")));
    }
    let cases: Vec<_> =
        scenario::all().filter(|case| case.rules().any(|id| id == rule.id)).map(|case| case.rule).collect();
    part("cases", &if cases.is_empty() { "every exchange of every case".into() } else { cases.join(", ") });
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// `body` in lines of at most `width` columns, the later ones indented.
fn wrapped(body: &str, indent: usize, width: usize) -> String {
    let mut text = String::new();
    let mut column = indent;
    for word in body.split_whitespace() {
        let length = word.chars().count();
        if column > indent && column + 1 + length > width {
            text.push('\n');
            text.push_str(&" ".repeat(indent));
            column = indent;
        } else if column > indent {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text
}
