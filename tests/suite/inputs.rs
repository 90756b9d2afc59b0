//! Findings of generated requests: the faults of this layer, each minimized, run again alone and saved.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qonform::check::Judge;
use qonform::contract::{Contract, Endpoint};
use qonform::exchange::TransportSettings;
use qonform::finding::{Confirmation, Outcome};
use qonform::offerings::Naming;
use qonform::offerings::input::{Inputs, Origin, SavedInputs};
use qonform::reference::{Clock, Family, Fault, Options};
use qonform::run::{self, Embedded, Expectations, Layer, Regressions, SavedCase, Settings, StopPolicy, TargetSettings};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::fake_server::{Reference, in_front_of};
use super::program::{Ran, TempFolder, end, qonform};

fn settings(fault: &str, layer: Layer) -> Settings {
    let fault: Fault = fault.parse().unwrap();
    Settings {
        target: TargetSettings::Embedded(Options { faults: vec![fault], clock: Clock::Logical, ..Options::default() }),
        layers: Some([layer].into()),
        seed: 5,
        jobs: NonZeroUsize::MIN,
        ..Settings::default()
    }
}

async fn execute(settings: &Settings) -> Outcome {
    run::run(settings, Arc::new(Contract::embedded()), &|_| {}, CancellationToken::new()).await.unwrap()
}

/// An input with a generated id that shows a fault of ids, to be sent alone; `None` where the seed generates none.
async fn generated(fault: Fault, seed: u64) -> Option<SavedCase> {
    let contract = Arc::new(Contract::embedded());
    let options = Options { faults: vec![fault], clock: Clock::Logical, ..Options::default() };
    let judge = Arc::new(Judge::new(Arc::clone(&contract)));
    let server = Embedded::start(options, TransportSettings::default(), judge).await.unwrap();
    let project = server.project("generated");
    let all = Inputs::of(&contract, Endpoint::Create, &project.fixtures, seed, 100);
    let random = all.list.iter().filter(|input| matches!(input.origin, Origin::Random(_))).cloned().collect();
    let inputs = all.with(random);
    let result = inputs.run_case(project, Naming::new(seed, "i", 0)).await;
    server.stop().await;
    let failure = result.failures.iter().find(|failure| failure.rule == "create.id-invalid")?;
    let input = inputs.list.get(failure.evidence.steps.end - 1).filter(|input| input.sketch().len() > 60)?;
    Some(SavedCase::Inputs(SavedInputs::of(&inputs, std::slice::from_ref(input))))
}

/// Whether inputs find a violation of a rule of the fault.
async fn is_caught(fault: Fault, contract: &Arc<Contract>) -> bool {
    let expected = Expectations::embedded().fault(fault);
    let options = Options { faults: vec![fault], clock: Clock::Logical, ..Options::default() };
    let judge = Arc::new(Judge::new(Arc::clone(contract)));
    let server = Embedded::start(options, TransportSettings::default(), judge).await.unwrap();
    for endpoint in Endpoint::ALL {
        let project = server.project(&endpoint.to_string());
        let all = Inputs::of(contract, endpoint, &project.fixtures, 1, 4);
        let result = all.run_case(project, Naming::new(1, &format!("i{endpoint}"), 0)).await;
        if result.failures.iter().any(|failure| expected.allows(failure.rule)) {
            server.stop().await;
            return true;
        }
    }
    server.stop().await;
    false
}

#[tokio::test]
async fn every_input_fault_is_caught_by_inputs_alone() {
    let families = [Family::Validation, Family::Limit, Family::Robustness];
    let contract = Arc::new(Contract::embedded());
    // Only scenarios compare letter cases.
    let is_input =
        |fault: &Fault| families.contains(&fault.info().family) && !fault.info().name.ends_with("-of-any-case");
    let faults: Vec<Fault> = Fault::ALL.into_iter().filter(is_input).collect();
    assert!(faults.len() > 110, "{}", faults.len());
    let mut missed = Vec::new();
    for fault in faults {
        if !is_caught(fault, &contract).await {
            missed.push(fault.info().name);
        }
    }
    assert_eq!(missed, Vec::<&str>::new());
}

#[tokio::test]
async fn every_documented_response_that_can_be_caused_is_received() {
    let settings = Settings { layers: Some([Layer::Input].into()), inputs: 10, ..Settings::default() };
    let outcome = execute(&settings).await;
    assert_eq!(outcome.exit_code(), 0);
    let unseen: Vec<_> = outcome.coverage.responses.iter().filter(|seen| seen.documented && seen.count == 0).collect();
    // A correct server never returns 500.
    assert!(unseen.iter().all(|seen| seen.status == 500), "{unseen:?}");
    assert_eq!(unseen.len(), 6, "{unseen:?}");
}

#[tokio::test]
async fn a_generated_input_is_minimized_and_sent_again_alone() {
    let mut settings = settings("id-letters-of-any-alphabet", Layer::Input);
    for seed in 0..20 {
        settings.replay = generated("id-letters-of-any-alphabet".parse().unwrap(), seed).await;
        if settings.replay.is_some() {
            break;
        }
    }
    assert!(settings.replay.is_some(), "one of twenty seeds generates such an id");
    let outcome = execute(&settings).await;
    let [finding] = &outcome.findings[..] else { panic!("{:?}", outcome.findings) };
    let was = finding.shrunk_request.as_deref().unwrap();
    assert!(was.starts_with("POST /offerings {"), "{was}");
    assert!(finding.shrink_requests.is_some_and(|spent| spent < 1_800));
    let kept = finding.replay.clone().unwrap();
    assert_eq!(kept["inputs"].as_array().unwrap().len(), 1);
    let body = &kept["inputs"][0]["recipe"]["content"]["json"][0];
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    let id = body["id"].as_str().unwrap();
    assert!(id.chars().count() == 1 && !id.is_ascii(), "{id}");
    settings.replay = Some(SavedCase::read(&kept).unwrap());
    settings.seed = 99;
    let again = execute(&settings).await;
    assert_eq!((&again.findings[0].fingerprint, again.summary.cases), (&finding.fingerprint, 1));
    assert!(again.summary.requests < 40, "{}", again.summary.requests);
}

#[test]
fn the_time_for_minimizing_is_limited() {
    let reference = Reference::with_faults(&["id-at-accepted"]);
    let findings = |more: &[&str]| {
        let folder = TempFolder::new();
        let mut command = qonform(&folder);
        command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "5", "--layer", "input"]);
        command
            .args(["--effort", "thorough", "--cases", "20"])
            .args(["--report", &format!("json={}", folder.path().join("json").display())])
            .args(more);
        let ran = end(command, folder);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        ran.json()["findings"].as_array().cloned().unwrap()
    };
    let is_minimized = |finding: &Value| finding["shrunk_from"].is_u64();
    let (none, some) = (findings(&["--shrink-time", "1ms"]), findings(&[]));
    assert!(!none.is_empty() && !none.iter().any(is_minimized), "{none:?}");
    assert!(some.iter().any(is_minimized), "{some:?}");
    assert!(none.iter().all(|finding| finding["confirmed"] == "confirmed"), "{none:?}");
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.args(["run", "--shrink-time", "soon"]);
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    ran.says("--shrink-time").says("soon");
}

#[tokio::test]
async fn a_race_is_confirmed_without_time_for_minimizing() {
    let mut settings = settings("race-set-main", Layer::Race);
    settings.shrink_time = Duration::ZERO;
    let outcome = execute(&settings).await;
    let races = outcome.findings.iter().filter(|finding| finding.race.is_some());
    assert!(races.clone().count() > 0, "{:?}", outcome.findings);
    assert!(races.clone().all(|finding| finding.confirmed == Confirmation::Confirmed), "{:?}", outcome.findings);
}

#[tokio::test]
async fn past_failures_run_first() {
    let folder = TempFolder::new();
    let file = folder.path().join("regressions.json");
    let mut first = settings("id-at-accepted", Layer::Input);
    let outcome = execute(&first).await;
    let mut known = Regressions::load(&file).unwrap();
    assert!(known.entries().is_empty());
    let added = known.add(&outcome).unwrap();
    assert!(added > 0 && known.add(&outcome).unwrap() == 0, "{added}");
    let read = Regressions::load(&file).unwrap();
    assert_eq!(read, known);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    // Sequences never use such an id: without the file nothing is found.
    first.layers = Some([Layer::Sequence].into());
    first.histories = 1;
    first.seed = 77;
    first.stop_policy = StopPolicy::FailFast;
    assert_eq!(execute(&first).await.exit_code(), 0);
    first.regressions = read.entries().to_vec();
    let second = execute(&first).await;
    assert_eq!(second.exit_code(), 1);
    assert_eq!((second.summary.cases, &*second.findings[0].case), (1, &*read.entries()[0].case_name()));
}

#[test]
fn an_obsolete_past_failure_is_reported() {
    let entry = |fingerprint: &str, case: &str, replay: serde_json::Value| serde_json::json!({ "fingerprint": fingerprint, "rule": "create.echo", "title": "x", "case": case, "seed": 1, "replay": replay });
    let gone = serde_json::json!({ "operation": "v4Gone", "inputs": [] });
    let steps = serde_json::json!([{ "no-such-step": {} }]);
    let race = serde_json::Value::Null;
    let entries =
        [entry("aa", "input::v4Gone", gone), entry("bb", "sequence::1", steps), entry("cc", "race::gone", race)];
    let ran = with_regressions(&serde_json::json!({ "version": 1, "regressions": entries }).to_string());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    for name in ["aa", "bb", "cc"] {
        ran.says(&format!("`regression::{name}` does not apply any more: "));
    }
    ran.says("the document has no operation `v4Gone`");
}

#[test]
fn an_invalid_regressions_file_is_rejected_with_its_position() {
    for (text, said) in [
        ("{\n  \"version\": 1,\n  oops", "broken.json:3:3`: "),
        ("{\"version\":1}", "missing field `regressions`"),
        ("{\"version\":9}", "its version is 9"),
    ] {
        let folder = TempFolder::new();
        let file = folder.path().join("broken.json");
        fs::write(&file, text).unwrap();
        let mut command = qonform(&folder);
        command.env("QONFORM_REGRESSIONS", &file).args(["run", "--only", "create.echo"]);
        let ran = end(command, folder);
        assert_eq!(ran.code, Some(2), "{text}: {}{}", ran.stdout, ran.stderr);
        ran.says(said);
    }
}

/// Runs `create.echo` as a dry run with a file of regressions.
fn with_regressions(text: &str) -> Ran {
    let folder = TempFolder::new();
    let file = folder.path().join("known.json");
    fs::write(&file, text).unwrap();
    let mut command = qonform(&folder);
    command.args(["run", "--dry-run", "--only", "create.echo", "--regressions"]).arg(&file);
    end(command, folder)
}

#[test]
fn regressions_of_absurd_size_are_rejected_with_the_reason() {
    let entry =
        |replay: &str| format!(r#"{{"fingerprint":"a","rule":"r","title":"t","case":"c","seed":1,"replay":{replay}}}"#);
    let file = |entries: &str| format!(r#"{{"version":1,"regressions":[{entries}]}}"#);
    let list = |one: &str, count: usize| vec![one; count].join(",");
    let recipe = r#"{"method":"GET","path":"/offerings","subject":"none","query":[],"headers":[],"content":"none"}"#;
    let input = format!(r#"{{"number":1,"what":"x","recipe":{recipe}}}"#);
    let inputs = |count| format!(r#"{{"operation":"v4ListOfferings","inputs":[{}]}}"#, list(&input, count));
    let race = |clients| {
        let program = format!(r#"{{"initial":[],"clients":[{}]}}"#, list(r#"[{"list":null}]"#, clients));
        format!(r#"{{"race":"a","program":{program}}}"#)
    };
    for (what, text, code, said) in [
        ("bytes", file(&" ".repeat(65 << 20)), 2, "it is larger than 64 MiB"),
        ("regressions", file(&list(&entry("[]"), 10_001)), 2, "it has 10001 regressions, at most 10000 are read"),
        (
            "depth",
            file(&entry(&format!("{}{}", "[".repeat(99_999), "]".repeat(99_999)))),
            2,
            "recursion limit exceeded",
        ),
        ("open lists", "[".repeat(9_999_999), 2, "known.json:1:"),
        ("steps", file(&entry(&format!("[{}]", list(r#"{"list":null}"#, 10_001)))), 0, "it has more than 10000 steps"),
        ("requests", file(&entry(&inputs(10_001))), 0, "it has 10001 requests, at most 10000 are read"),
        ("clients", file(&entry(&race(9_999))), 0, "`regression::a` does not apply any more: "),
    ] {
        let ran = with_regressions(&text);
        assert_eq!(ran.code, Some(code), "{what}: {:.500}{:.500}", ran.stdout, ran.stderr);
        ran.says(said);
        assert!(ran.elapsed < Duration::from_secs(20), "{what}: {:?}", ran.elapsed);
        assert!(ran.peak() < 600 << 20, "{what}: {} MiB", ran.peak() >> 20);
        assert!(ran.stdout.len() + ran.stderr.len() < 5_000, "{what}");
    }
    // What is large and possible is accepted.
    let ran = with_regressions(&file(&list(&entry(&inputs(50)), 3)));
    ran.is_sane(0, Duration::from_secs(20)).says("4 cases would run");
}

#[test]
fn the_default_regressions_file_is_beside_the_configuration() {
    let ran = |setting: &str, arguments: &[&str]| {
        let folder = TempFolder::new();
        let project = folder.path().join(setting);
        fs::create_dir_all(&project).unwrap();
        fs::write(project.join("qonform-regressions.json"), "x").unwrap();
        fs::write(project.join("qonform.toml"), "seed = 1\n").unwrap();
        let mut command = qonform(&folder);
        command.current_dir(folder.path()).args(["run", "--only", "create.echo"]).args(arguments);
        let ran = end(command, folder);
        assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
        ran
    };
    ran("", &[]).says("use `qonform-regressions.json:1:1`");
    ran("ci", &["--config", "ci/qonform.toml"]).says("use `ci/qonform-regressions.json:1:1`");
}

#[test]
fn an_input_whose_response_was_lost_is_sent_again() {
    let reference = Reference::start();
    let lost = Mutex::new(BTreeSet::new());
    // The first update with each of these paths: a 503 does not show whether it was applied.
    let server = in_front_of(&reference, move |seen, head, body| {
        let is_unusual = seen.method == "PATCH" && seen.path.contains("/qf-none");
        if is_unusual && lost.lock().unwrap().insert(seen.path.clone()) {
            return ("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".into(), Vec::new());
        }
        (head, body)
    });
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned());
    command.args(["run", "--seed", "1", "--layer", "input", "--target", &server.url()]);
    command.args(["--only", "update.*,response.no-server-error"]);
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    let unusual: BTreeSet<_> = server.seen().iter().map(|seen| seen.path.clone()).collect();
    assert!(unusual.iter().filter(|path| path.contains("/qf-none")).count() > 4, "{unusual:?}");
}
