//! What rules look at.

/// A manifest of the repository, as far as rules look at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifact {
    /// Its digest.
    pub digest: String,
    /// The tags that point at it.
    pub tags: Vec<String>,
    /// When each of them came to point at it.
    pub tagged_at_ms: Vec<i64>,
    /// The names of the labels that it carries.
    pub labels: Vec<String>,
    /// When it was pushed last.
    pub pushed_at_ms: i64,
    /// When it was pulled last.
    pub pulled_at_ms: Option<i64>,
    /// When it came back from the trash, if it did. It was pushed before that, which is what rules go by.
    pub restored_at_ms: Option<i64>,
    /// The manifest it is about.
    pub subject: Option<String>,
    /// The manifests that it names, when it is an index.
    pub children: Vec<String>,
    /// Whether a rule of immutability or a lock forbids to delete it.
    pub is_protected: bool,
}

impl Artifact {
    /// Since when it is there: when it was pushed, or came back from the trash.
    pub fn came_at_ms(&self) -> i64 {
        let restored = self.restored_at_ms.unwrap_or(self.pushed_at_ms);
        restored.max(self.pushed_at_ms)
    }
}
