//! Findings as a reader sees them: each names the defect, and its steps contain all that it depends on.

use std::fs;

use serde_json::Value;

use super::fake_server::Reference;
use super::program::{TempFolder, end, qonform};

/// The only finding of a server with a fault: as the terminal shows it, and from the JSON report.
fn finding(fault: &str, arguments: &[&str]) -> (String, Value) {
    let (reference, folder) = (Reference::with_faults(&[fault]), TempFolder::new());
    let report = folder.path().join("report.json");
    let mut command = qonform(&folder);
    command.envs(reference.variables.iter().cloned()).args(["run", "--seed", "31"]).args(arguments);
    command.arg("--report").arg(format!("json={}", report.display()));
    let ran = end(command, folder);
    let outcome: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
    let findings = outcome["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{fault}: {}", ran.stdout);
    let start = ran.stdout.rfind("\nviolation[").or_else(|| ran.stdout.rfind("\nwarning[")).unwrap();
    (ran.stdout[start..].to_owned(), findings[0].clone())
}

/// The lines of the steps of a terminal finding.
fn steps(text: &str) -> Vec<&str> {
    let before_rule = text.lines().take_while(|line| !line.starts_with("  rule "));
    before_rule.filter(|line| line.starts_with("    ")).collect()
}

#[test]
fn a_list_of_another_project_is_not_a_missing_header() {
    let (text, _) = finding("cursor-lists-other-project", &["--only", "auth.project-isolation"]);
    assert!(text.contains("list contains an offering of another project"), "{text}");
    assert!(text.contains("an offering of another project\n"), "{text}");
    let steps = steps(&text).join("\n");
    assert!(steps.contains("key of the second project") && steps.ends_with("<- here"), "{text}");
}

#[test]
fn appended_products_are_shown_with_products() {
    let (text, finding) = finding("update-appends", &["--layer", "scenario", "--only", "update.*"]);
    assert!(!text.contains("[]"), "{text}");
    assert_ne!(finding["received"].as_str().unwrap(), "[premium_001]");
}

#[test]
fn a_removed_neighbour_is_named_and_not_deleted_later() {
    let (text, finding) = finding("deletion-takes-children", &["--layer", "sequence", "--cases", "20"]);
    assert!(text.contains("delete changed or removed another offering"), "{text}");
    let expected = finding["expected"].as_str().unwrap();
    let (neighbour, deleted) = expected.split_once(" in the list after the delete of ").expect(expected);
    assert!(neighbour.trim_matches('`').starts_with(&format!("{}:", deleted.trim_matches('`'))), "{expected}");
    let steps = finding["steps"].as_array().unwrap();
    let deletes: Vec<_> = steps.iter().filter(|step| step["method"] == "DELETE").collect();
    assert!(deletes.last().unwrap()["path"].as_str().unwrap().ends_with(deleted.trim_matches('`')), "{text}");
    // A trace that is not minimized has the deletes of the whole sequence.
    assert!(deletes.len() == 1 || finding["shrunk_from"].is_null(), "{text}");
}

#[test]
fn an_id_that_was_cut_is_recognised() {
    for (fault, title) in [
        ("get-id-cut", "response is for an offering"),
        ("update-id-cut", "update reached an offering"),
        ("set-main-id-cut", "set-main reached an offering"),
    ] {
        let (text, finding) = finding(fault, &["--only", "*.id-invalid"]);
        let whole = format!("{title} whose id is the beginning of the requested id");
        assert_eq!(finding["title"].as_str(), Some(&*whole));
        let names_other = finding["received"].as_str().unwrap().contains(" with offering `qf-");
        assert!(text.contains("}x") && names_other, "{text}");
    }
}

/// Every id of the run in a path is created by an earlier step.
#[test]
fn steps_create_what_they_name() {
    for (fault, layer) in [("deleted-former-main-listed", "sequence"), ("default-limit-21", "scenario")] {
        let (text, finding) = finding(fault, &["--layer", layer, "--cases", "20"]);
        let mut created = Vec::new();
        for step in finding["steps"].as_array().unwrap() {
            let body = step["request_body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
            created.extend(body.and_then(|body| Some(body.get("id")?.as_str()?.to_owned())));
            let path = step["path"].as_str().unwrap();
            let named = path.split(['/', '=', '&', '?']).filter(|part| part.starts_with("qf-"));
            for id in named {
                assert!(created.iter().any(|created| created == id), "{fault}: {id}\n{text}");
            }
        }
    }
}

#[test]
fn equal_steps_are_one_line() {
    let (text, finding) = finding("default-limit-21", &["--only", "list.*"]);
    assert!(finding["steps"].as_array().unwrap().len() > 21, "{text}");
    assert!(steps(&text).len() <= 6, "{text}");
    assert!(text.contains(" times, ids qf-"), "{text}");
}
