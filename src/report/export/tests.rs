use super::super::sample;
use super::super::visible::is_unsafe;
use super::*;

fn texts(outcome: &Outcome) -> Vec<Vec<ExportedFile>> {
    outcome.findings.iter().map(|finding| export(outcome, finding)).collect()
}

#[test]
fn the_requests_are_sent_with_a_new_id() {
    let mut outcome = sample::fixed();
    // With the prefix of the seed, as ids of the run have it.
    let prefix = crate::offerings::Naming::run_prefix(outcome.seed);
    let text = sample::FIXED.replace("qf-k3v-", &prefix);
    outcome.findings = super::super::parse(text.as_bytes()).unwrap().findings;
    let [shell, hurl] = &texts(&outcome)[1][..] else { panic!("two files") };
    assert_eq!(shell.name, "delete-removes-3fdeffb4.sh");
    for needed in [
        "printf -- '{\"id\":\"%s1\"}' \"$prefix\" > \"$work/body\"",
        "value_1=$(member 1 id 1)",
        "url=$target$(printf -- '/offerings/%s' \"$(encoded \"$value_1\")\")",
        "as_recorded_before 3",
        "'404 not_found') passed ;;",
    ] {
        assert!(shell.text.contains(needed), "{needed} in\n{}", shell.text);
    }
    for needed in [
        "`{\"id\":\"{{prefix}}1\"}`",
        "path_1: jsonpath \"$.id\" urlEncode",
        "DELETE {{target}}/offerings/{{path_1}}\nauthorization: Bearer {{token}}",
        "HTTP 404\n[Asserts]\njsonpath \"$.error.code\" == \"not_found\"",
    ] {
        assert!(hurl.text.contains(needed), "{needed} in\n{}", hurl.text);
    }
}

#[test]
fn no_file_contains_control_characters() {
    for file in texts(&sample::hostile()).into_iter().flatten() {
        let found = file.text.chars().find(|&c| !matches!(c, '\n' | '\t') && is_unsafe(c));
        assert_eq!(found, None, "{}", file.name);
        assert!(file.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')), "{}", file.name);
    }
}

#[test]
fn hostile_strings_stay_words_of_the_script() {
    for file in texts(&sample::hostile()).into_iter().flatten().filter(|file| file.is_program) {
        let mut shell = std::process::Command::new("sh")
            .args(["-n", "/dev/stdin"])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut shell.stdin.take().unwrap(), file.text.as_bytes()).unwrap();
        let output = shell.wait_with_output().unwrap();
        assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), file.text);
    }
}

#[test]
fn the_ignored_headers_of_shell_scripts_are_those_of_the_check() {
    assert!(include_str!("functions.sh").contains(&shell::volatile_pattern()));
}
