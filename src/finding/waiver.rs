//! Findings that have an owner, until a date.

use serde::{Deserialize, Serialize};

/// The waiver of a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Waived {
    /// Why the finding is accepted for now.
    pub reason: String,
    /// Who is responsible for it.
    pub owner: String,
    /// The last day on which it holds, as `2026-12-31`.
    pub expires: String,
    /// Whether that day was over when the run was made: then the finding counts as if there were no waiver.
    pub expired: bool,
}

/// One waiver that a run was given, and what became of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaiverOutcome {
    /// Pattern of the rules that it is for; `None` where it is for one fingerprint.
    pub rule: Option<String>,
    /// The operation that it is for; `None` for every one.
    pub operation: Option<String>,
    /// The fingerprint that it is for; `None` where it is for rules.
    pub fingerprint: Option<String>,
    /// Why the findings are accepted for now.
    pub reason: String,
    /// Who is responsible for them.
    pub owner: String,
    /// The last day on which it holds, as `2026-12-31`.
    pub expires: String,
    /// What became of it.
    pub state: WaiverState,
    /// Fingerprints of the findings that it is for, sorted.
    pub findings: Vec<String>,
}

/// What became of a waiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverState {
    /// It waives findings of this run.
    Used,
    /// What it is for was checked and not found: it can go.
    Unused,
    /// What it is for was not checked in this run.
    Unchecked,
    /// Its day is over: what it is for counts again.
    Expired,
}

impl WaiverOutcome {
    /// `delete.* of v4DeleteOffering`, `finding afc0ac21`: what it is for.
    pub fn subject(&self) -> String {
        let what = match (&self.rule, &self.fingerprint) {
            (Some(rule), _) => rule.clone(),
            (None, fingerprint) => format!("finding {}", fingerprint.as_deref().unwrap_or_default()),
        };
        match &self.operation {
            Some(operation) => format!("{what} of {operation}"),
            None => what,
        }
    }

    /// What a reader has to know of it; `None` where its findings say it already.
    pub fn remark(&self) -> Option<&'static str> {
        match self.state {
            WaiverState::Used => None,
            WaiverState::Unused | WaiverState::Unchecked if self.fingerprint.is_some() => Some(
                "no finding has this fingerprint: take it out; if it is older than version 2 of the report, put the \
                 fingerprint there that this run shows for the finding",
            ),
            WaiverState::Unused => Some("nothing that it waives was found: it can go"),
            WaiverState::Unchecked => Some("what it waives was not checked"),
            WaiverState::Expired if self.findings.is_empty() => {
                Some("expired, and nothing that it waived was found: take it out")
            }
            WaiverState::Expired => Some("expired: what it waived counts again"),
        }
    }
}
