//! Secret keys: placeholders in requests, and redaction everywhere else.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use memchr::memmem::Finder;

/// A value that must not be shown: `Debug` never prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// A secret of `value` without surrounding white space, such as the trailing newline of a file.
    pub fn new(value: &str) -> Self {
        Self(value.trim().into())
    }

    /// The value itself, only for sending.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// The value without its last character.
    fn truncated(&self) -> &str {
        let end = self.0.char_indices().next_back().map_or(0, |(at, _)| at);
        &self.0[..end]
    }

    /// Whether the value starts with `prefix`, such as `sk_` (production) or `test_sk_` (sandbox).
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.0.starts_with(prefix)
    }

    /// Whether the value has lower-case letters, so that its upper-case form differs.
    pub fn has_lower_case(&self) -> bool {
        self.0.bytes().any(|byte| byte.is_ascii_lowercase())
    }

    /// Whether the value is empty or holds a character that no header can carry.
    pub fn is_unusable(&self) -> bool {
        self.0.is_empty() || !self.0.chars().all(|c| c.is_ascii_graphic())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The role of a key: which project it opens, and with which permissions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyRole {
    /// The project under test.
    Main,
    /// Another project.
    Second,
    /// A valid key without permission for offerings.
    Limited,
    /// A project that has no offerings.
    Empty,
}

impl KeyRole {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Main, Self::Second, Self::Limited, Self::Empty];

    /// The environment variable that holds the key; `$` and this name stand for the key in requests.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Main => "QONFORM_TOKEN",
            Self::Second => "QONFORM_SECOND_TOKEN",
            Self::Limited => "QONFORM_LIMITED_TOKEN",
            Self::Empty => "QONFORM_EMPTY_TOKEN",
        }
    }

    /// The placeholder of the key without its last character, as a shell expands it: `${QONFORM_TOKEN%?}`.
    pub fn truncated(self) -> String {
        truncated_name(&format!("${}", self.variable()))
    }

    /// The placeholder of the key in upper case, as a shell expands it: `$(echo $QONFORM_TOKEN | tr a-z A-Z)`.
    pub fn upper_case(self) -> String {
        upper_case_name(&format!("${}", self.variable()))
    }

    /// The value of the `Authorization` header for this key, with its placeholder: `Bearer $QONFORM_TOKEN`.
    pub fn bearer(self) -> String {
        format!("Bearer ${}", self.variable())
    }
}

/// The secrets of one project, each with the `$NAME` that stands for it.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Longest name first: a short name may be the beginning of a longer one.
    entries: Vec<KeyEntry>,
}

#[derive(Clone)]
struct KeyEntry {
    name: String,
    secret: Secret,
    spellings: [(String, Arc<str>); SPELLINGS],
    /// Searches for the spellings that are long enough; nearly all texts contain none.
    finders: Vec<Finder<'static>>,
}

/// The number of spellings of a secret that can be sent: unchanged, in upper case, without its last character.
const SPELLINGS: usize = 3;

/// Shorter values are not redacted: a header value such as `1` would be found everywhere.
const MIN_REDACTED_LENGTH: usize = 8;

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| &entry.name)).finish()
    }
}

impl Credentials {
    /// Adds the key of a role.
    pub fn with_key(self, role: KeyRole, secret: Secret) -> Self {
        self.with(role.variable(), secret)
    }

    /// Adds a secret with the placeholder `$name` (the value of a `--header`).
    pub fn with(mut self, name: &str, secret: Secret) -> Self {
        self.entries.push(KeyEntry::new(format!("${name}"), secret));
        self.entries.sort_by_key(|entry| std::cmp::Reverse(entry.name.len()));
        self
    }

    /// Whether there is a key of this role.
    pub fn has(&self, role: KeyRole) -> bool {
        self.secret(role).is_some()
    }

    /// The key of a role.
    pub fn secret(&self, role: KeyRole) -> Option<&Secret> {
        self.entries.iter().find(|entry| entry.name[1..] == *role.variable()).map(|entry| &entry.secret)
    }

    /// `text` with every placeholder replaced by its secret, changed as a shell would change it. Only for sending.
    pub(super) fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut filled = Cow::Borrowed(text);
        if !text.contains('$') {
            return filled;
        }
        for (name, value) in self.entries.iter().flat_map(|entry| entry.spellings.iter().rev()) {
            if filled.contains(name) {
                filled = Cow::Owned(filled.replace(name, value));
            }
        }
        filled
    }

    /// Whether a secret, in any spelling, occurs in `bytes`.
    pub(super) fn contains_any(&self, bytes: &[u8]) -> bool {
        self.entries.iter().flat_map(|entry| &entry.finders).any(|finder| finder.find(bytes).is_some())
    }

    /// `text` with every secret, in any spelling, replaced by its placeholder: for everything that is saved or shown.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        if !self.contains_any(text.as_bytes()) {
            return clean;
        }
        // Unchanged spellings first: a truncated one may be part of them.
        for index in 0..SPELLINGS {
            for (name, value) in self.entries.iter().map(|entry| &entry.spellings[index]) {
                if value.len() >= MIN_REDACTED_LENGTH && clean.contains(&**value) {
                    clean = Cow::Owned(clean.replace(&**value, name));
                }
            }
        }
        clean
    }

    /// The name of a key (not of a `--header` value) that occurs in `bytes`.
    pub fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        if !self.contains_any(bytes) {
            return None;
        }
        self.entries.iter().find_map(|KeyEntry { name, secret, .. }| {
            let value = secret.expose().as_bytes();
            let is_key = KeyRole::ALL.iter().any(|role| name[1..] == *role.variable());
            let found = is_key
                && value.len() >= MIN_REDACTED_LENGTH
                && bytes.windows(value.len()).any(|window| window == value);
            found.then_some(name.as_str())
        })
    }
}

impl KeyEntry {
    /// The secret with a placeholder for each spelling; the later placeholders contain the first.
    fn new(name: String, secret: Secret) -> Self {
        let spellings = [
            (name.clone(), Arc::clone(&secret.0)),
            (upper_case_name(&name), secret.expose().to_ascii_uppercase().into()),
            (truncated_name(&name), secret.truncated().into()),
        ];
        let finders = spellings
            .iter()
            .filter(|(_, value)| value.len() >= MIN_REDACTED_LENGTH)
            .map(|(_, value)| Finder::new(value.as_bytes()).into_owned())
            .collect();
        Self { name, secret, spellings, finders }
    }
}

/// `${NAME%?}` for `$NAME`.
fn truncated_name(name: &str) -> String {
    format!("${{{}%?}}", &name[1..])
}

/// `$(echo $NAME | tr a-z A-Z)` for `$NAME`.
fn upper_case_name(name: &str) -> String {
    format!("$(echo {name} | tr a-z A-Z)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials::default()
            .with_key(KeyRole::Main, Secret::new("test_sk_main_0001\n"))
            .with_key(KeyRole::Second, Secret::new("test_sk_second_0002"))
    }

    #[test]
    fn names_are_filled_in_and_secrets_redacted() {
        let sent = credentials().fill("Bearer $QONFORM_TOKEN").into_owned();
        assert_eq!(sent, "Bearer test_sk_main_0001");
        assert_eq!(credentials().redact(&sent), "Bearer $QONFORM_TOKEN");
        assert_eq!(credentials().fill("Bearer $QONFORM_SECOND_TOKEN"), "Bearer test_sk_second_0002");
    }

    #[test]
    fn a_key_in_upper_case_is_filled_in_and_redacted() {
        let shown = KeyRole::Second.upper_case();
        assert_eq!(shown, "$(echo $QONFORM_SECOND_TOKEN | tr a-z A-Z)");
        let sent = credentials().fill(&shown).into_owned();
        assert_eq!(sent, "TEST_SK_SECOND_0002");
        assert_eq!(credentials().redact(&sent), shown);
    }

    #[test]
    fn a_truncated_key_is_filled_in_and_redacted() {
        let shown = format!("Bearer {}", KeyRole::Main.truncated());
        assert_eq!(shown, "Bearer ${QONFORM_TOKEN%?}");
        let sent = credentials().fill(&shown).into_owned();
        assert_eq!(sent, "Bearer test_sk_main_000");
        assert_eq!(credentials().redact(&sent), shown);
        assert_eq!(credentials().redact("test_sk_main_0001-"), "$QONFORM_TOKEN-");
    }

    #[test]
    fn a_leaked_key_is_named_and_debug_shows_none() {
        assert_eq!(credentials().found_in(b"x test_sk_second_0002 y"), Some("$QONFORM_SECOND_TOKEN"));
        assert_eq!(credentials().found_in(b"nothing here"), None);
        assert!(!format!("{:?}", credentials()).contains("test_sk"));
    }
}
