//! The real binary on a target, and its output: streams, reports, journals, peak memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qonform::report::Format;

/// The main key of targets that are not the reference server.
pub(crate) const KEY: &str = "test_sk_h0stile_k3y_0123456789";

/// Maximum memory of the program, in bytes, for any response.
const MAX_MEMORY: u64 = 200 << 20;

/// A temporary directory.
pub(crate) struct TempFolder(PathBuf);

impl TempFolder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("qonform-suite-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary directory can be made");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Every file in it and below.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut waiting = vec![self.0.clone()];
        let mut files = Vec::new();
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                waiting.extend(fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path()));
            } else {
                files.push(path);
            }
        }
        files
    }

    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        self.files().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "journal")).collect()
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The binary without the caller's environment, with `folder` as home.
pub(crate) fn qonform(folder: &TempFolder) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qonform"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_uppercase();
        if text.starts_with("QONFORM_") || text.ends_with("_PROXY") {
            command.env_remove(&name);
        }
    }
    command
        .env_remove("GITHUB_ACTIONS")
        .env("XDG_STATE_HOME", folder.path())
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A run that has ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) elapsed: Duration,
    /// Sampled peak memory, in bytes; 0 if it was never read.
    peak: u64,
    pub(crate) folder: TempFolder,
}

/// Runs a command to its end.
pub(crate) fn end(mut command: Command, folder: TempFolder) -> Ran {
    let started = Instant::now();
    let child = command.spawn().expect("the program starts");
    wait(child, started, folder)
}

/// Waits for a child, watching its memory.
pub(crate) fn wait(mut child: Child, started: Instant, folder: TempFolder) -> Ran {
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let (out, err) = (thread::spawn(|| text(out)), thread::spawn(|| text(err)));
    let mut peak = 0;
    let code = loop {
        if let Some(ended) = child.try_wait().expect("the child is ours") {
            break ended.code();
        }
        peak = peak.max(high_water(&status));
        if started.elapsed() > Duration::from_secs(90) {
            let _ = child.kill();
        }
        // A program that rejects its arguments ends soon.
        thread::sleep(Duration::from_millis(if peak == 0 { 0 } else { 5 }));
    };
    let elapsed = started.elapsed();
    let (stdout, stderr) = (out.join().expect("read"), err.join().expect("read"));
    Ran { code, stdout, stderr, elapsed, peak, folder }
}

fn text(mut stream: impl std::io::Read) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("a pipe can be read");
    String::from_utf8(bytes).expect("the program writes UTF-8")
}

/// The peak memory that a status file of `/proc` reports, in bytes. A child that has not yet executed the program still
/// has the memory and the name of its parent, which is several times as large: 0 then.
fn high_water(status: &Path) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    if value("Name:") != "qonform" {
        return 0;
    }
    value("VmHWM:").trim_end_matches(" kB").parse::<u64>().unwrap_or_default() << 10
}

/// Runs on a hostile target, with every report and short timeouts.
pub(crate) fn run_on(target: &str, more: &[&str]) -> Ran {
    let folder = TempFolder::new();
    let mut command = qonform(&folder);
    command.args(["run", "--target", target, "--seed", "5", "-v"]);
    command.env("QONFORM_TOKEN", KEY).env("QONFORM_TIMEOUT", "400ms").env("QONFORM_PATIENCE", "1s");
    for format in Format::ALL.map(Format::name) {
        command.arg("--report").arg(format!("{format}={}", folder.path().join(format).display()));
    }
    command.args(more);
    end(command, folder)
}

impl Ran {
    /// The peak memory of the program, in bytes.
    #[track_caller]
    pub(crate) fn peak(&self) -> u64 {
        assert!(self.peak > 0, "the memory of the program was never read");
        self.peak
    }

    /// Checks that apply to any target; `code` is the documented exit code.
    #[track_caller]
    pub(crate) fn is_sane(&self, code: i32, limit: Duration) -> &Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", tail(&self.stdout), tail(&self.stderr));
        assert!(self.elapsed < limit, "it took {:?}", self.elapsed);
        assert!(self.peak() < MAX_MEMORY, "it held {} MiB", self.peak() >> 20);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.holds_nothing_of(KEY);
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let treacherous = text.chars().find(|c| c.is_control() && *c != '\n');
            assert_eq!(treacherous, None, "{name}: {text}");
        }
        self
    }

    /// No output of the run contains the key or a recognizable part of it.
    #[track_caller]
    pub(crate) fn holds_nothing_of(&self, key: &str) {
        let part = &key[..key.len() - 4];
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            assert!(!text.contains(part), "{name}: {text}");
        }
        for path in self.folder.files() {
            let bytes = fs::read(&path).expect("a file of the run");
            assert!(!String::from_utf8_lossy(&bytes).contains(part), "{} holds the key", path.display());
        }
    }

    #[track_caller]
    pub(crate) fn says(&self, part: &str) -> &Self {
        let has = |text: &str| text.contains(part) || unwrapped(text).contains(part);
        let found = has(&self.stdout) || has(&self.stderr);
        assert!(found, "no `{part}` in\n{}\n{}", tail(&self.stdout), tail(&self.stderr));
        self
    }

    /// The text of a report.
    pub(crate) fn report(&self, format: &str) -> String {
        fs::read_to_string(self.folder.path().join(format)).expect("the report was written")
    }

    /// The JSON report.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.report("json")).expect("the JSON report is JSON")
    }

    /// The violated rules of the JSON report.
    pub(crate) fn violated(&self) -> Vec<String> {
        let report = self.json();
        let rules = report["rules"].as_array().expect("rules").clone();
        rules.iter().filter(|rule| rule["verdict"] == "violated").map(|rule| rule["id"].to_string()).collect()
    }
}

/// A text in one line: terminal output wraps.
pub(crate) fn unwrapped(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
