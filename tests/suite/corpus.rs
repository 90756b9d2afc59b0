//! Every file that a fuzz target once found, or was started from, goes through the same entry again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../../fuzz/entry.rs"]
mod entry;

fn replay(name: &str, entry: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut played = 0;
    for file in fs::read_dir(&directory).expect("the corpus is there") {
        let path = file.expect("an entry").path();
        let data = fs::read(&path).expect("a file of the corpus");
        let started = Instant::now();
        entry(&data);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "{} takes {took:?}", path.display());
        played += 1;
    }
    assert!(played >= 5, "{name}: {played}");
}

#[test]
fn documents_of_the_corpus_are_read_or_refused() {
    replay("document", entry::document);
}

#[test]
fn schemas_of_the_corpus_are_compiled_or_refused() {
    replay("schema", entry::schema);
}

#[test]
fn responses_of_the_corpus_are_judged_and_give_no_key_away() {
    replay("response", entry::response);
}

#[test]
fn reports_of_the_corpus_are_rendered_or_refused() {
    replay("report", entry::report);
}
