//! The files that the program writes: private, complete, and not where another user's link leads.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use qonform::report::Format;
use serde_json::Value;

use super::fake_server::Reference;
use super::program::{Ran, TempFolder, end, qonform};

/// A run with one finding.
fn run(reference: &Reference, folder: &TempFolder, more: &[&str]) -> Command {
    let mut command = qonform(folder);
    command.envs(reference.variables.iter().cloned()).current_dir(folder.path());
    command.args(["run", "--only", "delete.removes", "--layer", "scenario", "--seed", "41"]).args(more);
    command
}

fn broken() -> Reference {
    Reference::with_faults(&["delete-still-readable"])
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn every_file_of_a_run_is_private() {
    let reference = broken();
    let folder = TempFolder::new();
    let mut command = run(&reference, &folder, &["--events", "events", "--export", "kept"]);
    for format in Format::ALL.map(Format::name) {
        command.args(["--report", &format!("{format}={format}")]);
    }
    let ran = end(command, folder);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let files = ran.folder.files();
    assert!(files.len() > Format::ALL.len() + 2, "{files:?}");
    for path in files {
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    // A file whose owner shares it stays shared.
    fs::set_permissions(ran.folder.path().join("json"), fs::Permissions::from_mode(0o644)).unwrap();
    let recorded = ["--record-all", "--report", "har=all.har", "--report", "json=json"];
    let again = end(run(&reference, &ran.folder, &recorded), ran.folder);
    assert_eq!(mode(&again.folder.path().join("json")), 0o644);
    assert_eq!(mode(&again.folder.path().join("all.har")), 0o600);
}

#[test]
fn a_journal_is_private_during_the_run() {
    let reference = broken();
    let folder = TempFolder::new();
    let journal = folder.path().join("kept.journal");
    let mut child =
        run(&reference, &folder, &["--journal", "kept.journal", "--rate", "30/s"]).spawn().expect("the program starts");
    let started = Instant::now();
    while fs::read(&journal).map_or(0, |bytes| bytes.len()) == 0 {
        assert!(started.elapsed() < Duration::from_secs(30), "there is no journal");
        std::thread::sleep(Duration::from_millis(2));
    }
    let found = mode(&journal);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found, 0o600);
}

#[test]
fn own_links_are_followed_and_links_of_others_are_not() {
    const STRANGER: u32 = 12_345;
    let reference = broken();
    let folder = TempFolder::new();
    let own = |name: &str| folder.path().join(name);
    fs::create_dir(own("real")).unwrap();
    fs::write(own("real/old.json"), "old").unwrap();
    for (target, link) in
        [("real/old.json", "file"), ("real", "folder"), ("file", "chain"), ("real/new.json", "dangling")]
    {
        symlink(target, own(link)).unwrap();
    }
    let ran = end(
        run(&reference, &folder, &["--report", "json=chain", "--report", "html=folder/new.html"]),
        TempFolder::new(),
    );
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(fs::read_to_string(own("real/old.json")).unwrap().contains("delete.removes"));
    assert!(fs::symlink_metadata(own("file")).unwrap().is_symlink() && own("real/new.html").exists());
    if fs::metadata("/proc/self").is_ok_and(|process| process.uid() != 0) {
        // Only root can make links of another user.
        return;
    }
    fs::write(own("real/old.json"), "old").unwrap();
    for link in ["file", "folder", "dangling"] {
        lchown(own(link), Some(STRANGER), None).unwrap();
    }
    for arguments in [
        &["--report", "json=file"][..],
        &["--report", "json=chain"],
        &["--report", "json=dangling"],
        &["--report", "json=folder/x.json"],
        &["--record-all", "--report", "har=file"],
        &["--events", "file"],
        &["--events", "folder/events"],
        &["--export", "folder/kept"],
        &["--export", "folder"],
        &["--journal", "folder/kept.journal"],
    ] {
        let ran = end(run(&reference, &folder, arguments), TempFolder::new());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran.says("is a link of another user");
    }
    assert_eq!(fs::read_to_string(own("real/old.json")).unwrap(), "old");
    let written: Vec<_> = fs::read_dir(own("real")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(written.len(), 2, "{written:?}");
}

#[test]
fn two_outputs_never_have_one_file() {
    let reference = broken();
    let folder = TempFolder::new();
    fs::create_dir(folder.path().join("sub")).unwrap();
    symlink("sub", folder.path().join("link")).unwrap();
    let whole = folder.path().join("a.json").display().to_string();
    for (one, other) in [
        ("json=a.json", "html=./a.json"),
        ("json=a.json", "html=sub/../a.json"),
        ("json=sub/a.json", "html=link/a.json"),
        ("json=a.json", &format!("html={whole}")),
    ] {
        let ran = end(run(&reference, &folder, &["--report", one, "--report", other]), TempFolder::new());
        assert_eq!(ran.code, Some(2), "{one} {other}: {}", ran.stderr);
        ran.says("write two reports to");
    }
    for arguments in [
        ["--report", "json=a.json", "--events", "sub/../a.json"],
        ["--report", "json=a.json", "--journal", "./a.json"],
        ["--events", "a.json", "--journal", "./a.json"],
    ] {
        let ran = end(run(&reference, &folder, &arguments), TempFolder::new());
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.stderr);
        ran.says("it is also the file of");
    }
    assert!(folder.files().is_empty(), "{:?}", folder.files());
    let both = end(run(&reference, &folder, &["--report", "json=/dev/null", "--report", "html=/dev/null"]), folder);
    assert_eq!(both.code, Some(1), "{}", both.stderr);
}

/// A run that can write at most `blocks` of 512 bytes to a file, as on a full disk.
fn limited(reference: &Reference, folder: TempFolder, blocks: u32, more: &[&str]) -> Ran {
    let plain = run(reference, &folder, more);
    let bare = qonform(&folder);
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let (program, arguments) = (plain.get_program().to_owned(), plain.get_args().map(ToOwned::to_owned));
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(program).args(arguments).current_dir(folder.path());
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    for (name, value) in bare.get_envs() {
        if value.is_none() {
            command.env_remove(name);
        }
    }
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    end(command, folder)
}

#[test]
fn on_a_full_disk_files_are_whole_or_named() {
    let reference = broken();
    let folder = TempFolder::new();
    fs::write(folder.path().join("old.json"), "old").unwrap();
    let reports = ["--report", "json=old.json", "--report", "html=new.html", "--events", "events"];
    let ran = limited(&reference, folder, 8, &[&reports[..], &["--record-all", "--report", "har=all.har"]].concat());
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    let path = |name: &str| ran.folder.path().join(name);
    assert_eq!(fs::read_to_string(path("old.json")).unwrap(), "old");
    assert!(!path("new.html").exists());
    let archive: Value = serde_json::from_slice(&fs::read(path("all.har")).unwrap()).unwrap();
    let entries = archive["log"]["entries"].as_array().unwrap().len();
    assert!(entries > 0);
    let events = fs::read_to_string(path("events")).unwrap();
    assert!(events.ends_with('\n') && events.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    ran.says("delete.removes").says("it was not written, and the file is an older one");
    assert!(!ran.folder.files().iter().any(|path| path.extension().is_some_and(|ending| ending == "part")));
    // The error of each output, when it is the only one.
    for (more, said) in [
        (&["--report", "html=new.html"][..], "new.html: File too large (os error 27); it was not written"),
        (&["--record-all", "--report", "har=all.har"], "are missing"),
    ] {
        let ran = limited(&reference, TempFolder::new(), 8, more);
        assert_eq!(ran.code, Some(3), "{more:?}: {}{}", ran.stdout, ran.stderr);
        ran.says(said);
    }
    let ran = limited(&reference, TempFolder::new(), 1, &["--events", "events", "--read-only", "--only", "list.*"]);
    assert_eq!(ran.code, Some(3), "{}{}", ran.stdout, ran.stderr);
    ran.says("all after the first").says("are missing");
}

#[test]
fn a_journal_without_space_sends_no_write_and_stays_readable() {
    let reference = Reference::start();
    let before = reference.state();
    for blocks in [0, 2, 3, 4] {
        let more = ["--only", "create.*,delete.*", "--layer", "scenario,input", "--journal", "kept.journal"];
        let ran = limited(&reference, TempFolder::new(), blocks, &more);
        assert_eq!(ran.code, Some(if blocks == 0 { 2 } else { 3 }), "{blocks}: {}{}", ran.stdout, ran.stderr);
        ran.says("the journal");
        let journal = ran.folder.path().join("kept.journal");
        if journal.exists() {
            let mut clean = qonform(&ran.folder);
            clean.envs(reference.variables.iter().cloned()).args(["clean", "--journal"]).arg(&journal);
            let cleaned = end(clean, ran.folder);
            assert_eq!(cleaned.code, Some(0), "{}{}", cleaned.stdout, cleaned.stderr);
        }
        assert_eq!(reference.state(), before, "{blocks}");
    }
}

#[test]
fn without_a_home_the_journal_needs_a_file() {
    let reference = Reference::start();
    let folder = TempFolder::new();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for home in [None, Some("relative"), file.to_str(), Some("/proc/self")] {
        let run = |more: &[&str]| {
            let mut command = run(&reference, &folder, more);
            command.env_remove("XDG_STATE_HOME").env_remove("HOME").envs(home.map(|home| ("HOME", home)));
            end(command, TempFolder::new())
        };
        let ran = run(&[]);
        assert_eq!(ran.code, Some(2), "{home:?}: {}{}", ran.stdout, ran.stderr);
        ran.says("journal").says("--journal FILE");
        let given = run(&["--journal", "given.journal"]);
        assert_eq!(given.code, Some(0), "{home:?}: {}{}", given.stdout, given.stderr);
        let reading = run(&["--read-only", "--only", "list.*"]);
        assert_eq!(reading.code, Some(0), "{home:?}: {}{}", reading.stdout, reading.stderr);
    }
}
