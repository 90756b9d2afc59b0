//! JSON pointers (RFC 6901): putting them together and taking them apart.

/// The pointer of the member `key` of what `parent` points at.
pub fn join(parent: &str, key: &str) -> String {
    format!("{parent}/{}", escape(key))
}

/// A key as it stands in a pointer: `~` as `~0`, `/` as `~1`.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A key as it stood before [`escape`].
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
    fn keys_survive_the_way_into_a_pointer_and_back() {
        let pointer = join(&join("/paths", "/offerings/{id}"), "a~1");
        assert_eq!(pointer, "/paths/~1offerings~1{id}/a~01");
        assert_eq!(keys(&pointer).collect::<Vec<_>>(), ["paths", "/offerings/{id}", "a~1"]);
        assert_eq!(last(&pointer), "a~1");
        assert_eq!(parent(&pointer), Some("/paths/~1offerings~1{id}"));
        assert_eq!(parent(""), None);
    }
}
