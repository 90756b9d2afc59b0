//! The dependencies between modules, read from the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The modules in the order of `lib.rs`, lowest first.
fn modules() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    lib.lines().filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned())).collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules that the code of a file names by `crate::…`; its unit tests may use any module.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    code.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn no_module_imports_from_a_later_one() {
    let floors = modules();
    assert!(floors.len() >= 10, "lib.rs lists only {floors:?}");
    for (height, floor) in floors.iter().enumerate() {
        let mut files = files_below(&source().join(floor));
        files.push(source().join(format!("{floor}.rs")));
        for file in files.iter().filter(|file| file.exists() && !is_test(file)) {
            for import in imports(&fs::read_to_string(file).unwrap()) {
                let Some(other) = floors.iter().position(|known| *known == import) else { continue };
                assert!(other <= height, "{} is on floor `{floor}` and imports `{import}` from above", file.display());
                let is_island = import == "reference" || floor == "reference";
                assert!(
                    !is_island || import == *floor || floor == "run",
                    "{} crosses the water between `{floor}` and `{import}`",
                    file.display()
                );
            }
        }
    }
}

/// Files that only tests compile.
fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests") || file.file_name().is_some_and(|name| name == "tests.rs")
}

#[test]
fn no_file_is_longer_than_six_hundred_lines() {
    for file in files_below(&source()) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines", file.display());
    }
}

/// Only the oracle judges responses: code that sends requests reads no status and names no typed code or title.
#[test]
fn only_the_oracle_judges() {
    use qonform::offerings::oracle::conditions::{REJECTIONS, REQUIREMENTS};
    let codes: BTreeSet<&str> = REJECTIONS.iter().flat_map(|row| row.codes.iter().copied()).collect();
    let titles: BTreeSet<&str> = REQUIREMENTS.iter().map(|row| row.title).collect();
    assert!(codes.len() > 5 && titles.len() > 50, "{} codes, {} titles", codes.len(), titles.len());
    for layer in ["scenario", "input", "sequence", "race"] {
        for file in files_below(&source().join("offerings").join(layer)).iter().filter(|file| !is_test(file)) {
            let text = fs::read_to_string(file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text);
            assert!(!code.contains(".status"), "{} reads a status", file.display());
            for known in codes.iter().chain(&titles) {
                assert!(!code.contains(&format!("\"{known}\"")), "{} says `{known}`", file.display());
            }
        }
    }
}

#[test]
fn the_code_names_exactly_the_rules_of_the_catalogue() {
    let catalogue = qonform::contract::Catalogue::embedded();
    let named: BTreeSet<&str> =
        qonform::offerings::scenario::all().flat_map(qonform::offerings::scenario::Scenario::rules).collect();
    for rule in &named {
        assert!(catalogue.rule(rule).is_some(), "a scenario names `{rule}`, which the catalogue does not know");
    }
    let judged: BTreeSet<&str> = qonform::check::RULES.iter().copied().collect();
    for rule in catalogue.rules() {
        let is_tried = named.contains(rule.id.as_str()) || judged.contains(rule.id.as_str());
        assert!(is_tried || rule.area() == "race", "nothing tries `{}`", rule.id);
    }
}

/// A condition that no check uses can never fail.
#[test]
fn every_condition_is_used() {
    let folder = source().join("offerings");
    let table = folder.join("oracle/conditions.rs");
    let code: String = files_below(&folder)
        .iter()
        .filter(|file| **file != table && !is_test(file))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let used: BTreeSet<&str> = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let table = fs::read_to_string(table).unwrap();
    let (_, orders) = table.split_once("RACE_ORDERS").expect("the orders of races");
    let rows = table.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(": ").map(|(name, _)| name));
    let rows: Vec<&str> = rows.filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_')).collect();
    assert!(rows.len() > 150, "{} rows", rows.len());
    for row in rows {
        assert!(used.contains(row) || orders.contains(&format!("&{row},")), "no check uses the condition {row}");
    }
}

#[test]
fn test_names_have_at_most_sixty_characters() {
    let tests = source().with_file_name("tests").join("suite");
    let mut count = 0;
    for file in files_below(&source()).into_iter().chain(files_below(&tests)) {
        let text = fs::read_to_string(&file).unwrap();
        let tests = ["test]\n", "tokio::test]\n"].map(|mark| format!("#[{mark}"));
        for test in tests.iter().flat_map(|mark| text.split(mark).skip(1)) {
            let name = test.split_once("fn ").and_then(|(_, rest)| rest.split_once('(')).map_or("", |(name, _)| name);
            count += 1;
            assert!(name.len() <= 60, "{}: {name}", file.display());
        }
    }
    assert!(count > 500, "{count} tests");
}

/// One name has one meaning. The reference server is independent and may use its own names.
#[test]
fn no_type_name_has_two_meanings() {
    let (mut ours, mut islands) = (BTreeMap::new(), BTreeMap::new());
    for file in files_below(&source()).iter().filter(|file| !is_test(file)) {
        let text = fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(&text);
        let is_island = file.strip_prefix(source()).unwrap().starts_with("reference");
        let known = if is_island { &mut islands } else { &mut ours };
        for name in code.lines().filter_map(type_name) {
            if let Some(first) = known.insert(name.clone(), file.clone()).filter(|first| first != file) {
                panic!("`{name}` is a type of {} and of {}", first.display(), file.display());
            }
        }
    }
    assert!(ours.len() > 300 && islands.len() > 50, "{} and {} types", ours.len(), islands.len());
}

/// The name of the type that a line declares; associated types are indented.
fn type_name(line: &str) -> Option<String> {
    let declared = match line.strip_prefix("pub") {
        Some(rest) => rest.strip_prefix('(').map_or(rest, |rest| rest.split_once(')').map_or("", |(_, rest)| rest)),
        None => line,
    };
    let declared = declared.strip_prefix(' ').unwrap_or(declared);
    let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| declared.strip_prefix(kind))?;
    Some(rest.chars().take_while(char::is_ascii_alphanumeric).collect())
}
