//! Wrong keys and ids: arguments that the target shows to be wrong, and findings that a wrong id explains.

use super::fake_server::{Reference, Server, pass_on};
use super::program::{Ran, TempFolder, end, qonform};

/// A second key of the main project behind [`with_twin`].
const TWIN: &str = "test_sk_twin_of_the_main_key";

/// Runs a rule with the main key and these flags; checks that nothing is left.
fn run(reference: &Reference, target: &str, more: &[&str]) -> Ran {
    let before = reference.state();
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.env("QONFORM_TOKEN", reference.variable("QONFORM_TOKEN"));
    command.args(["run", "--seed", "31", "--target", target]).args(more);
    let ran = end(command, folder);
    assert_eq!(reference.state(), before);
    assert!(ran.folder.journals().is_empty());
    ran
}

/// A proxy of the reference server where [`TWIN`] is another key of the main project.
fn with_twin(reference: &Reference, main: &str) -> Server {
    let (upstream, main) = (reference.upstream(), main.to_owned());
    Server::start(move |seen, stream| {
        let mut seen = seen.clone();
        seen.head = seen.head.replace(TWIN, &main);
        let (head, body) = upstream.forward(&seen)?;
        pass_on(stream, &head, &body)
    })
}

#[test]
fn a_key_that_the_target_rejects_is_an_argument_error() {
    let reference = Reference::start();
    let target = reference.variable("QONFORM_TARGET");
    let unknown = "test_sk_n0b0dy_has_this";
    for flag in ["--second-token", "--empty-token", "--limited-token"] {
        for more in [&[][..], &["--dry-run"]] {
            let ran = run(&reference, target, &[&[flag, unknown, "--only", "auth.*"], more].concat());
            assert_eq!(ran.code, Some(2), "{flag}: {}{}", ran.stdout, ran.stderr);
            ran.says(&format!("cannot use the key of {flag} (QONFORM_")).holds_nothing_of(unknown);
            ran.says("the target rejected it with 401 control_unauthorized");
        }
    }
    // The key of the main project is known, but has no permission for another.
    let limited = reference.variable("QONFORM_LIMITED_TOKEN");
    let ran = run(&reference, target, &["--second-token", limited, "--only", "auth.*"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    ran.says("the target rejected it with 403 control_forbidden");
    let ran = run(&reference, target, &["--limited-token", limited, "--only", "auth.forbidden"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn two_keys_of_one_project_are_an_argument_error() {
    let reference = Reference::start();
    let pairs = [
        ("QONFORM_TOKEN", "--second-token"),
        ("QONFORM_EMPTY_TOKEN", "--second-token"),
        ("QONFORM_EMPTY_TOKEN", "--empty-token"),
    ];
    for (main, flag) in pairs {
        let main = reference.variable(main);
        let server = with_twin(&reference, main);
        let ran = run(&reference, &server.url(), &["--token", main, flag, TWIN, "--only", "auth.*"]);
        assert_eq!(ran.code, Some(2), "{flag}: {}{}", ran.stdout, ran.stderr);
        ran.says(&format!("cannot use {flag} and --token: they open the same project"));
    }
}

#[test]
fn a_limited_key_of_another_project_is_an_argument_error() {
    let reference = Reference::start();
    let second = reference.variable("QONFORM_SECOND_TOKEN");
    let ran =
        run(&reference, reference.variable("QONFORM_TARGET"), &["--limited-token", second, "--only", "auth.forbidden"]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
    ran.says("cannot use --limited-token: it opens another project than --token");
}

#[test]
fn a_limited_key_with_every_permission_is_explained() {
    let reference = Reference::start();
    let server = with_twin(&reference, reference.variable("QONFORM_TOKEN"));
    let ran = run(&reference, &server.url(), &["--limited-token", TWIN, "--only", "auth.forbidden"]);
    assert_eq!(ran.code, Some(0), "the rule is a should rule: {}{}", ran.stdout, ran.stderr);
    ran.says("warning[auth.forbidden]");
    ran.says("expected 403 control_forbidden; check that the key of --limited-token has no permission for offerings");
}

#[test]
fn a_regular_offering_is_no_variant() {
    let reference = Reference::start();
    for more in [&[][..], &["--dry-run"]] {
        let flags = [&["--variant-id", "onboarding", "--only", "*.variant"], more].concat();
        let ran = run(&reference, reference.variable("QONFORM_TARGET"), &flags);
        assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
        ran.says("cannot use `onboarding` of --variant-id: it is a regular offering");
    }
}

#[test]
fn the_findings_of_an_unknown_variant_say_what_to_check() {
    let reference = Reference::start();
    let flags = ["--variant-id", "no_such_variant", "--only", "update.variant,delete.variant,set-main.variant"];
    let ran = run(&reference, reference.variable("QONFORM_TARGET"), &flags);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    for code in ["cannot_patch_experiment_variant", "cannot_delete_experiment_variant"] {
        ran.says(&format!(
            "returned 404 not_found, expected 422 {code}; check that the id of --variant-id is an experiment variant of \
             this project"
        ));
    }
    let right = ["--variant-id", reference.variable("QONFORM_VARIANT_ID"), "--only", "*.variant"];
    let ran = run(&reference, reference.variable("QONFORM_TARGET"), &right);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}
