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

    /// What the ids of the run start with.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// What the ids of the case start with.
    pub fn case_prefix(&self) -> &str {
        &self.case
    }
}
