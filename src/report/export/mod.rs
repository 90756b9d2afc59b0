//! Findings as files: each as a shell script and as a Hurl file.
//!
//! They run on any project: created ids get a new prefix, ids and cursors are captured from responses, products and
//! keys come from variables. The check is the expected status if the finding is about a status. Otherwise it compares
//! all responses, at least one of which differs once the server is fixed. If neither is possible (times, races, bodies
//! that cannot be shown), the files report that a person has to look. Start at [`export`].

mod check;
mod hurl;
mod script;
mod shell;

use script::Script;

use crate::finding::{Finding, Outcome};

/// A file of a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportedFile {
    /// Name: rule, fingerprint and extension.
    pub name: String,
    /// Content.
    pub text: String,
    /// Whether it is executable.
    pub is_program: bool,
}

/// The files that reproduce a finding.
pub fn export(outcome: &Outcome, finding: &Finding) -> Vec<ExportedFile> {
    let script = Script::of(outcome, finding);
    let name = script.name();
    let file = |extension: &str, text: String, is_program: bool| ExportedFile {
        name: format!("{name}.{extension}"),
        text,
        is_program,
    };
    vec![file("sh", shell::render(&script), true), file("hurl", hurl::render(&script), false)]
}

#[cfg(test)]
mod tests;
