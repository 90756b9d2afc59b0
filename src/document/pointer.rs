//! Builds and splits JSON pointers (RFC 6901).

/// The pointer of the member `key` of the value at `parent`.
pub fn join(parent: &str, key: &str) -> String {
    format!("{parent}/{}", escape(key))
}

/// Escapes a key for a pointer: `~` as `~0`, `/` as `~1`.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Reverts [`escape`].
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// The keys of a pointer, outermost first and unescaped; none for the empty pointer, which is the whole document.
pub fn keys(pointer: &str) -> impl Iterator<Item = String> + '_ {
    pointer.split('/').skip(1).map(unescape)
}

/// The pointer one level up, or `None` for the whole document.
pub fn parent(pointer: &str) -> Option<&str> {
    pointer.rfind('/').map(|at| &pointer[..at])
}

/// The last key, unescaped, or an empty string for the whole document.
pub fn last(pointer: &str) -> String {
    pointer.rfind('/').map_or_else(String::new, |at| unescape(&pointer[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_escaped_and_unescaped() {
        let pointer = join(&join("/paths", "/offerings/{id}"), "a~1");
        assert_eq!(pointer, "/paths/~1offerings~1{id}/a~01");
        assert_eq!(keys(&pointer).collect::<Vec<_>>(), ["paths", "/offerings/{id}", "a~1"]);
        assert_eq!(last(&pointer), "a~1");
        assert_eq!(parent(&pointer), Some("/paths/~1offerings~1{id}"));
        assert_eq!(parent(""), None);
    }
}
