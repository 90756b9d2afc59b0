//! A stored offering.

/// Who owns an offering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The project: readable and writable by this API.
    Regular,
    /// The experiments service: stored, hidden from reads, not writable.
    Variant,
}

/// One row of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offering {
    /// Its number in order of creation in its project, including deleted ones.
    pub(super) number: u64,
    pub(super) id: String,
    /// 1 is the main offering, 0 a former one, `None` one that never was; legacy offerings have any value.
    pub(super) tag: Option<i16>,
    pub(super) product_ids: Vec<String>,
    /// Seconds since 1970.
    pub(super) created_at: i64,
    /// Seconds since 1970, never before `created_at`.
    pub(super) updated_at: i64,
    pub(super) kind: Kind,
}

impl Offering {
    pub(super) fn is_regular(&self) -> bool {
        self.kind == Kind::Regular
    }

    /// Sets `created_at` to `updated_at`, or a second later if they are equal.
    pub(super) fn reset_created_at(&mut self) {
        self.created_at = self.updated_at.max(self.created_at + 1);
        self.updated_at = self.created_at;
    }

    pub(super) fn is_main(&self) -> bool {
        self.is_regular() && self.tag == Some(1)
    }
}
