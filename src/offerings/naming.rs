//! The ids of offerings that a run creates.

/// The id prefixes of a case. All ids of a run start with the run's prefix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Naming {
    run: String,
    case: String,
}

impl Naming {
    /// `seed` determines the letters of the run's prefix. `attempt` is the number of earlier runs of the case, so that
    /// no two runs share an id or an idempotency key.
    pub fn new(seed: u64, case: &str, attempt: u32) -> Self {
        let run = Self::run_prefix(seed);
        let again = if attempt == 0 { String::new() } else { format!("{attempt}-") };
        // Plain characters only: a server that rejects others fails only the cases that test them.
        let case = case.replace('.', "-");
        Self { case: format!("{run}{again}{case}-"), run }
    }

    /// `qf-`, four characters that depend on the seed, and a dash.
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

    /// The first prefix of any run in a text.
    pub fn prefix_in(text: &str) -> Option<&str> {
        const LENGTH: usize = "qf-abcd-".len();
        let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_prefix = |part: &&str| part.ends_with('-') && part.as_bytes()[3..LENGTH - 1].iter().all(is_letter);
        text.match_indices("qf-").filter_map(|(start, _)| text.get(start..start + LENGTH)).find(is_prefix)
    }

    /// Whether an id is one of another run than the one whose ids have the prefix `own`.
    pub(super) fn is_of_another_run(id: &str, own: &str) -> bool {
        !id.starts_with(own) && Self::prefix_in(id).is_some_and(|prefix| id.starts_with(prefix))
    }

    /// The prefix of all ids of the run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// The prefix of all ids of the case.
    pub fn case_prefix(&self) -> &str {
        &self.case
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_runs_are_recognised() {
        let own = Naming::run_prefix(1);
        assert!(Naming::is_of_another_run(&format!("{}a", Naming::run_prefix(2)), &own));
        assert!(!Naming::is_of_another_run(&format!("{own}a"), &own) && !Naming::is_of_another_run("onboarding", &own));
    }

    #[test]
    fn a_prefix_is_found_anywhere_in_a_text() {
        let prefix = Naming::run_prefix(1_234_567);
        assert_eq!(Naming::prefix_in(&format!("/offerings/{prefix}a?x=qf-no")), Some(prefix.as_str()));
        assert_eq!(Naming::prefix_in("{\"id\":\"qf-\u{e9}\u{e9}-\",\"b\":\"qf-AB12-qf-ab\"}"), None);
    }
}
