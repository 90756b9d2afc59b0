//! Waivers: findings that are accepted until a date.

use serde::{Deserialize, Serialize};

/// The waiver of a finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Waived {
    /// Why the finding is accepted for now.
    pub reason: String,
    /// Who is responsible for it.
    pub owner: String,
    /// The last day on which it applies, as `2026-12-31`.
    pub expires: String,
    /// Whether it had expired when the run started: then the finding counts as if there were no waiver.
    pub expired: bool,
}

/// One waiver of a run and its use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaiverOutcome {
    /// Pattern of the waived rules; `None` for a waiver by fingerprint.
    pub rule: Option<String>,
    /// The waived operation; `None` for all.
    pub operation: Option<String>,
    /// The waived fingerprint; `None` for a waiver by rule.
    pub fingerprint: Option<String>,
    /// Why the findings are accepted for now.
    pub reason: String,
    /// Who is responsible for them.
    pub owner: String,
    /// The last day on which it applies, as `2026-12-31`.
    pub expires: String,
    /// Its use in this run.
    pub state: WaiverState,
    /// Fingerprints of the waived findings, sorted.
    pub findings: Vec<String>,
}

/// The use of a waiver in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverState {
    /// It waives findings of this run.
    Used,
    /// Its rules were checked without a finding: it can be removed.
    Unused,
    /// Its rules were not checked in this run.
    Unchecked,
    /// It has expired: its findings count again.
    Expired,
}

impl WaiverOutcome {
    /// What it waives: `delete.* of v4DeleteOffering`, `finding afc0ac21`.
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

    /// What to do about it; `None` for a waiver in use.
    pub fn remark(&self) -> Option<&'static str> {
        match self.state {
            WaiverState::Used => None,
            WaiverState::Unused | WaiverState::Unchecked if self.fingerprint.is_some() => Some(
                "no finding has this fingerprint: remove it; if it is from a report of version 1, replace it by the \
                 fingerprint of the finding in this report",
            ),
            WaiverState::Unused => Some("no finding needs it: remove it"),
            WaiverState::Unchecked => Some("its rules were not checked"),
            WaiverState::Expired if self.findings.is_empty() => Some("expired, and no finding needs it: remove it"),
            WaiverState::Expired => Some("expired: its findings count again"),
        }
    }
}
