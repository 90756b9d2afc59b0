//! Suggestions for unknown names.

/// The name among `known` that is most similar to `name`, or `None` when more than a third of the characters or more
/// than three differ. Case is ignored.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_has_a_suggestion_and_nonsense_has_none() {
        let known = ["minLength", "maxLength", "minimum", "type"];
        assert_eq!(nearest("minlength", known), Some("minLength"));
        assert_eq!(nearest("tpye", known), None, "two swapped letters are two errors in four");
        assert_eq!(nearest("typ", known), Some("type"));
        assert_eq!(nearest("colour", known), None);
    }
}
