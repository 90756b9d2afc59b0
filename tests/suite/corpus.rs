//! Runs every file of the fuzz corpora through its fuzz target.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../fuzz/entry.rs"]
mod entry;

fn replay(name: &str, entry: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files = 0;
    for file in fs::read_dir(&directory).expect("the corpus is there") {
        let path = file.expect("an entry").path();
        let data = fs::read(&path).expect("a file of the corpus");
        let started = Instant::now();
        entry(&data);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "{} takes {took:?}", path.display());
        files += 1;
    }
    assert!(files >= 5, "{name}: {files}");
}

#[test]
fn documents_of_the_corpus_are_read_or_rejected() {
    replay("document", entry::document);
}

#[test]
fn schemas_of_the_corpus_are_compiled_or_rejected() {
    replay("schema", entry::schema);
}

#[test]
fn responses_of_the_corpus_are_checked_and_reveal_no_key() {
    replay("response", entry::response);
}

#[test]
fn reports_of_the_corpus_are_rendered_or_rejected() {
    replay("report", entry::report);
}
