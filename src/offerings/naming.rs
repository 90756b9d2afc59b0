//! What the offerings that a run creates are called.

/// How the offerings of a case are named: everything that a run creates starts with the run's prefix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naming {
    run: String,
    case: String,
}

impl Naming {
    /// `seed` gives the run's letters; `attempt` counts the times that the case was run, from 0, so that no id and no
    /// idempotency key is ever used by two of them.
    pub fn new(seed: u64, case: &str, attempt: u32) -> Self {
        let run = Self::run_prefix(seed);
        let again = if attempt == 0 { String::new() } else { format!("{attempt}-") };
        // Plain characters only: a server that refuses others shows it where they are tried, and nowhere else.
        let case = case.replace('.', "-");
        Self { case: format!("{run}{again}{case}-"), run }
    }

    /// `qf-` and four letters of the seed and a dash.
    pub fn run_prefix(seed: u64) -> String {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let mut rest = seed;
        let letters: String = std::iter::repeat_with(|| {
            let letter = LETTERS[(rest % 36) as usize];
            rest /= 36;
            char::from(letter)
        })
        .take(4)
        .collect();
        format!("qf-{letters}-")
    }

    /// The first prefix of a run that stands in a text, whichever run it was.
    pub fn prefix_in(text: &str) -> Option<&str> {
        const LENGTH: usize = "qf-abcd-".len();
        let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_prefix = |part: &&str| part.ends_with('-') && part.as_bytes()[3..LENGTH - 1].iter().all(is_letter);
        text.match_indices("qf-").filter_map(|(start, _)| text.get(start..start + LENGTH)).find(is_prefix)
    }

    /// What the ids of the run start with.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// What the ids of the case start with.
    pub fn case_prefix(&self) -> &str {
        &self.case
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_found_wherever_it_stands() {
        let prefix = Naming::run_prefix(1_234_567);
        assert_eq!(Naming::prefix_in(&format!("/offerings/{prefix}a?x=qf-no")), Some(prefix.as_str()));
        assert_eq!(Naming::prefix_in("{\"id\":\"qf-\u{e9}\u{e9}-\",\"b\":\"qf-AB12-qf-ab\"}"), None);
    }
}
