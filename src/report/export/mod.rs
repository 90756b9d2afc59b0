//! Findings as something to keep: each as a shell script, a Hurl file and a Rust test.
//!
//! They run again on a fresh project: what the run created gets a fresh prefix, ids and cursors are captured from the
//! responses that gave them, products and keys come from variables. Whether the fault still shows is decided by the
//! documented status where a status was broken; else by the responses, which on a server that was mended cannot all be
//! what they were. Where neither tells (times, races, bodies that cannot be shown) the files say so. Start at [`export`].

mod check;
mod hurl;
mod rust;
mod script;
mod shell;

use script::Script;

use crate::finding::{Finding, Outcome};

/// A file of a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExportedFile {
    /// Its name: rule, fingerprint and ending.
    pub name: String,
    /// What is in it.
    pub text: String,
    /// Whether it is to be run as it is.
    pub is_program: bool,
}

/// The files that show a finding again.
pub fn export(outcome: &Outcome, finding: &Finding) -> Vec<ExportedFile> {
    let script = Script::of(outcome, finding);
    let name = script.name();
    let file = |ending: &str, text: String, is_program: bool| ExportedFile {
        name: format!("{name}.{ending}"),
        text,
        is_program,
    };
    vec![
        file("sh", shell::render(&script), true),
        file("hurl", hurl::render(&script), false),
        file("rs", rust::render(&script), false),
    ]
}

#[cfg(test)]
mod tests;
