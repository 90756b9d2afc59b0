//! An example of a rule: the requests of a scenario that shows a violation, with the responses of a correct server.
//!
//! The scenario runs twice on the embedded server: with a fault that violates the rule, which selects the steps, and
//! without it, which gives the correct responses.

use std::sync::{Arc, Mutex, PoisonError};

use qonform::contract::{Contract, Rule};
use qonform::exchange::{ExchangeObserver, Recorded};
use qonform::finding::{EvidenceStep, Outcome};
use qonform::reference::{self, Fault};
use qonform::run::{
    self, Clock, Confirm, Expectations, FaultExpectation, Layer, NamePattern, Selection, Settings, TargetSettings,
};
use tokio_util::sync::CancellationToken;

/// Maximum number of faults to try for one rule.
const MAX_FAULTS: usize = 5;

/// The faults that violate a rule, those that violate it alone first.
pub(super) fn faults(rule: &Rule) -> Vec<&'static FaultExpectation> {
    let all = Expectations::embedded().faults();
    let main = all.iter().filter(|fault| fault.main == rule.id);
    main.chain(all.iter().filter(|fault| fault.also.contains(&rule.id))).collect()
}

/// The steps up to the response that the rule is about; `None` if no scenario of one client shows a violation.
pub(super) async fn correct_steps(rule: &Rule, contract: &Arc<Contract>) -> Option<Vec<EvidenceStep>> {
    let shown = faults(rule).into_iter().filter(|fault| fault.layer == Layer::Scenario).take(MAX_FAULTS);
    let mut correct = None;
    for fault in shown {
        let (outcome, wrong) = record(vec![fault.name.parse().ok()?], rule, contract).await?;
        let correct = match &mut correct {
            Some(correct) => correct,
            none => none.insert(record(Vec::new(), rule, contract).await?.1),
        };
        let found = outcome.findings.iter().filter(|finding| finding.violates(&rule.id));
        for finding in found {
            let end = finding.steps.iter().position(|step| step.here).map_or(0, |index| index + 1);
            let steps = finding.steps[..end].iter().map(|step| counterpart(step, &wrong, correct));
            if let Some(steps) = steps.collect::<Option<Vec<_>>>().filter(|steps| !steps.is_empty()) {
                return Some(steps);
            }
        }
    }
    None
}

/// The same request in the other run: the same occurrence of it, since both runs send the same requests.
fn counterpart(step: &EvidenceStep, wrong: &[EvidenceStep], correct: &[EvidenceStep]) -> Option<EvidenceStep> {
    let is_same = |other: &&EvidenceStep| {
        (&other.method, &other.path) == (&step.method, &step.path)
            && (&other.request_body, &other.request_headers) == (&step.request_body, &step.request_headers)
    };
    let nth = wrong
        .iter()
        .filter(is_same)
        .position(|other| other.status == step.status && other.response_body == step.response_body)?;
    let found = correct.iter().filter(is_same).nth(nth)?;
    Some(EvidenceStep { number: step.number, here: step.here, ..found.clone() })
}

/// Runs the scenarios of a rule and returns every exchange.
async fn record(faults: Vec<Fault>, rule: &Rule, contract: &Arc<Contract>) -> Option<(Outcome, Vec<EvidenceStep>)> {
    let recorder = Arc::new(Recorder::default());
    let mut settings = Settings {
        target: TargetSettings::Embedded(reference::Options {
            clock: reference::Clock::Logical,
            faults,
            ..reference::Options::default()
        }),
        selection: Selection { only: vec![NamePattern::of(&rule.id, contract.rules()).ok()?], ..Selection::default() },
        layers: Some([Layer::Scenario].into()),
        seed: 1,
        jobs: std::num::NonZeroUsize::MIN,
        confirmation: Confirm::Never,
        clock: Clock::Frozen,
        ..Settings::default()
    };
    settings.transport.observers.push(Arc::clone(&recorder) as Arc<dyn ExchangeObserver>);
    let outcome = run::run(&settings, Arc::clone(contract), &|_| {}, CancellationToken::new()).await.ok()?;
    let steps = std::mem::take(&mut *recorder.0.lock().unwrap_or_else(PoisonError::into_inner));
    Some((outcome, steps))
}

/// Every exchange of a run, in order.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<EvidenceStep>>);

impl ExchangeObserver for Recorder {
    fn record(&self, recorded: &Recorded<'_>) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = steps.len() + 1;
        steps.push(EvidenceStep::new(number, recorded.request, recorded.response.ok(), recorded.keys));
    }
}
