//! Secret keys: where they stand in a request, and that they never stand anywhere else.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use memchr::memmem::Finder;

/// A value that must not be shown. `Debug` and `Display` print a mark, never the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Keeps `value` secret; surrounding white space (a trailing newline of a file) is not part of it.
    pub fn new(value: &str) -> Self {
        Self(value.trim().into())
    }

    /// The value itself, for the one place that puts it on the wire.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }

    /// The value without its last character.
    fn cut(&self) -> &str {
        let end = self.0.char_indices().next_back().map_or(0, |(at, _)| at);
        &self.0[..end]
    }

    /// Whether the value starts with `prefix` (`sk_`, `test_sk_`), which tells production from sandbox.
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.0.starts_with(prefix)
    }

    /// Whether the value in capitals is another one.
    pub fn has_small_letters(&self) -> bool {
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

/// What a key may do on the target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyRole {
    /// The project that is tested.
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

    /// The environment variable that holds the key, and its name in requests that are shown.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Main => "QONFORM_TOKEN",
            Self::Second => "QONFORM_SECOND_TOKEN",
            Self::Limited => "QONFORM_LIMITED_TOKEN",
            Self::Empty => "QONFORM_EMPTY_TOKEN",
        }
    }

    /// The key without its last character, as a shell cuts it and as it is shown: `${QONFORM_TOKEN%?}`.
    pub fn cut(self) -> String {
        cut_name(&format!("${}", self.variable()))
    }

    /// The key in capitals, as a shell makes them and as it is shown.
    pub fn capitals(self) -> String {
        capitals_name(&format!("${}", self.variable()))
    }

    /// The `Authorization` header of a request made with this key, as it is shown: `Bearer $QONFORM_TOKEN`.
    pub fn bearer(self) -> String {
        format!("Bearer ${}", self.variable())
    }
}

/// The secrets of one project, each with the `$NAME` that stands for it.
#[derive(Clone, Default)]
pub struct Credentials {
    /// Longest name first: `$QONFORM_TOKEN` must not be filled in inside a longer name.
    entries: Vec<KeyEntry>,
}

#[derive(Clone)]
struct KeyEntry {
    name: String,
    secret: Secret,
    spellings: [(String, Arc<str>); SPELLINGS],
    /// Of the spellings that are long enough to be looked for: nearly all texts hold none, and are only searched.
    finders: Vec<Finder<'static>>,
}

/// How many spellings of a secret can be sent: as it is, in capitals, and cut.
const SPELLINGS: usize = 3;

/// Shorter values are not looked for in responses: a header value such as `1` would be found everywhere.
const SHORTEST_REDACTED: usize = 8;

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

    /// Adds a secret that `$name` stands for (the value of a `--header`).
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

    /// `text` with every `$NAME` replaced by the secret it stands for, cut or in capitals where a shell would do that:
    /// for the wire alone.
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

    /// Whether a secret, however spelled, occurs in `bytes`.
    pub(super) fn occur_in(&self, bytes: &[u8]) -> bool {
        self.entries.iter().flat_map(|entry| &entry.finders).any(|finder| finder.find(bytes).is_some())
    }

    /// `text` with every secret replaced by its name, whole, in capitals or cut: for everything that is kept or shown.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut clean = Cow::Borrowed(text);
        if !self.occur_in(text.as_bytes()) {
            return clean;
        }
        // All whole ones first: another one cut may stand in them.
        for index in 0..SPELLINGS {
            for (name, value) in self.entries.iter().map(|entry| &entry.spellings[index]) {
                if value.len() >= SHORTEST_REDACTED && clean.contains(&**value) {
                    clean = Cow::Owned(clean.replace(&**value, name));
                }
            }
        }
        clean
    }

    /// The name of a key (not of a `--header` value) that occurs in `bytes`.
    pub fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        if !self.occur_in(bytes) {
            return None;
        }
        self.entries.iter().find_map(|KeyEntry { name, secret, .. }| {
            let value = secret.expose().as_bytes();
            let is_key = KeyRole::ALL.iter().any(|role| name[1..] == *role.variable());
            let found =
                is_key && value.len() >= SHORTEST_REDACTED && bytes.windows(value.len()).any(|window| window == value);
            found.then_some(name.as_str())
        })
    }
}

impl KeyEntry {
    /// The secret under its name, each spelling with what stands for it; the names of the later hold that of the first.
    fn new(name: String, secret: Secret) -> Self {
        let spellings = [
            (name.clone(), Arc::clone(&secret.0)),
            (capitals_name(&name), secret.expose().to_ascii_uppercase().into()),
            (cut_name(&name), secret.cut().into()),
        ];
        let finders = spellings
            .iter()
            .filter(|(_, value)| value.len() >= SHORTEST_REDACTED)
            .map(|(_, value)| Finder::new(value.as_bytes()).into_owned())
            .collect();
        Self { name, secret, spellings, finders }
    }
}

/// `${NAME%?}` for `$NAME`.
fn cut_name(name: &str) -> String {
    format!("${{{}%?}}", &name[1..])
}

/// What gives `$NAME` in capitals in any shell.
fn capitals_name(name: &str) -> String {
    format!("$(echo {name} | tr a-z A-Z)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Credentials {
        Credentials::default()
            .with_key(KeyRole::Main, Secret::new("test_sk_main_0001\n"))
            .with_key(KeyRole::Second, Secret::new("test_sk_second_0002"))
    }

    #[test]
    fn a_name_is_filled_in_and_a_secret_is_taken_out() {
        let sent = ring().fill("Bearer $QONFORM_TOKEN").into_owned();
        assert_eq!(sent, "Bearer test_sk_main_0001");
        assert_eq!(ring().redact(&sent), "Bearer $QONFORM_TOKEN");
        assert_eq!(ring().fill("Bearer $QONFORM_SECOND_TOKEN"), "Bearer test_sk_second_0002");
    }

    #[test]
    fn a_key_can_be_sent_in_capitals_and_is_taken_out_so_too() {
        let shown = KeyRole::Second.capitals();
        assert_eq!(shown, "$(echo $QONFORM_SECOND_TOKEN | tr a-z A-Z)");
        let sent = ring().fill(&shown).into_owned();
        assert_eq!(sent, "TEST_SK_SECOND_0002");
        assert_eq!(ring().redact(&sent), shown);
    }

    #[test]
    fn a_key_can_be_sent_cut_and_is_taken_out_cut_too() {
        let shown = format!("Bearer {}", KeyRole::Main.cut());
        assert_eq!(shown, "Bearer ${QONFORM_TOKEN%?}");
        let sent = ring().fill(&shown).into_owned();
        assert_eq!(sent, "Bearer test_sk_main_000");
        assert_eq!(ring().redact(&sent), shown);
        assert_eq!(ring().redact("test_sk_main_0001-"), "$QONFORM_TOKEN-");
    }

    #[test]
    fn a_leaked_key_is_named_and_debug_shows_none() {
        assert_eq!(ring().found_in(b"x test_sk_second_0002 y"), Some("$QONFORM_SECOND_TOKEN"));
        assert_eq!(ring().found_in(b"nothing here"), None);
        assert!(!format!("{:?}", ring()).contains("test_sk"));
    }
}
