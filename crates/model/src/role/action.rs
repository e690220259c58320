//! Every action there is, and which roles hold it.

macro_rules! actions {
    ($($variant:ident = $name:literal $holders:literal,)*) => {
        /// One thing that may be allowed. The names are the resource and verb of Harbor's permission tables, with
        /// `namespace` for its project; what Harbor has no word for stands at the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $(#[doc = concat!("`", $name, "`.")] $variant,)* }

        impl Action {
            /// Every action there is.
            pub const ALL: &[Action] = &[$(Action::$variant,)*];

            /// Its name, as robots, tokens and audit records write it.
            pub fn as_str(self) -> &'static str {
                match self { $(Action::$variant => $name,)* }
            }

            /// The letters of the roles that hold it.
            fn holders(self) -> &'static str {
                match self { $(Action::$variant => $holders,)* }
            }
        }
    };
}

// Harbor's roles: **P**rojectAdmin, **M**aintainer, **D**eveloper, **G**uest, **L**imitedGuest. IBM's: **R**eader, **W**riter
// and **S** for the service's manager. The account's administrator holds all.
actions! {
    RepositoryPull = "repository:pull" "PMDGLRWS",
    RepositoryPush = "repository:push" "PMDWS",
    RepositoryRead = "repository:read" "PMDGLRS",
    RepositoryList = "repository:list" "PMDGLRS",
    RepositoryCreate = "repository:create" "PMDWS",
    RepositoryUpdate = "repository:update" "PMDS",
    RepositoryDelete = "repository:delete" "PMS",
    NamespaceRead = "namespace:read" "PMDGLRWS",
    NamespaceUpdate = "namespace:update" "PS",
    NamespaceDelete = "namespace:delete" "PS",
    NamespaceList = "namespace:list" "S",
    NamespaceCreate = "namespace:create" "S",
    AccessoryList = "accessory:list" "PMDGLRS",
    ArtifactCreate = "artifact:create" "PMDWS",
    ArtifactRead = "artifact:read" "PMDGLRS",
    ArtifactDelete = "artifact:delete" "PMWS",
    ArtifactList = "artifact:list" "PMDGLRS",
    ArtifactAdditionRead = "artifact-addition:read" "PMDGLRS",
    ArtifactLabelCreate = "artifact-label:create" "PMDS",
    ArtifactLabelDelete = "artifact-label:delete" "PMDS",
    TagCreate = "tag:create" "PMDWS",
    TagList = "tag:list" "PMDGLRS",
    TagDelete = "tag:delete" "PMWS",
    LabelCreate = "label:create" "PMS",
    LabelRead = "label:read" "PMDGRS",
    LabelUpdate = "label:update" "PMS",
    LabelDelete = "label:delete" "PMS",
    LabelList = "label:list" "PMDGRS",
    MemberCreate = "member:create" "PS",
    MemberRead = "member:read" "PMDGS",
    MemberUpdate = "member:update" "PS",
    MemberDelete = "member:delete" "PS",
    MemberList = "member:list" "PMDGS",
    MetadataCreate = "metadata:create" "PS",
    MetadataRead = "metadata:read" "PMS",
    MetadataUpdate = "metadata:update" "PS",
    MetadataDelete = "metadata:delete" "PS",
    MetadataList = "metadata:list" "S",
    LogList = "log:list" "PS",
    QuotaRead = "quota:read" "PMDGLRWS",
    QuotaList = "quota:list" "S",
    QuotaUpdate = "quota:update" "S",
    RobotCreate = "robot:create" "PS",
    RobotRead = "robot:read" "PMDGS",
    RobotUpdate = "robot:update" "PS",
    RobotDelete = "robot:delete" "PS",
    RobotList = "robot:list" "PMDGS",
    ImmutableTagCreate = "immutable-tag:create" "PMS",
    ImmutableTagRead = "immutable-tag:read" "PMS",
    ImmutableTagUpdate = "immutable-tag:update" "PMS",
    ImmutableTagDelete = "immutable-tag:delete" "PMS",
    ImmutableTagList = "immutable-tag:list" "PMS",
    TagRetentionCreate = "tag-retention:create" "PMDWS",
    TagRetentionRead = "tag-retention:read" "PMDRS",
    TagRetentionUpdate = "tag-retention:update" "PMDWS",
    TagRetentionDelete = "tag-retention:delete" "PMDS",
    TagRetentionList = "tag-retention:list" "PMDRS",
    TagRetentionOperate = "tag-retention:operate" "PMDS",
    NotificationPolicyCreate = "notification-policy:create" "PS",
    NotificationPolicyRead = "notification-policy:read" "PMS",
    NotificationPolicyUpdate = "notification-policy:update" "PS",
    NotificationPolicyDelete = "notification-policy:delete" "PS",
    NotificationPolicyList = "notification-policy:list" "PMS",
    PreheatPolicyCreate = "preheat-policy:create" "PS",
    PreheatPolicyRead = "preheat-policy:read" "PS",
    PreheatPolicyUpdate = "preheat-policy:update" "PS",
    PreheatPolicyDelete = "preheat-policy:delete" "PS",
    PreheatPolicyList = "preheat-policy:list" "PS",
    ScanCreate = "scan:create" "PMDS",
    ScanRead = "scan:read" "PMDGLRS",
    ScanStop = "scan:stop" "PMDS",
    SbomCreate = "sbom:create" "PMDS",
    SbomRead = "sbom:read" "PMDGLRS",
    SbomStop = "sbom:stop" "PMDS",
    ScannerCreate = "scanner:create" "PS",
    ScannerRead = "scanner:read" "PMDGLS",
    ScannerUpdate = "scanner:update" "S",
    ScannerDelete = "scanner:delete" "S",
    ScannerList = "scanner:list" "S",
    ExportCveCreate = "export-cve:create" "PMDS",
    ExportCveRead = "export-cve:read" "PMDS",
    ExportCveList = "export-cve:list" "PMDS",
    CatalogRead = "catalog:read" "S",
    ConfigurationRead = "configuration:read" "S",
    ConfigurationUpdate = "configuration:update" "",
    AuditLogList = "audit-log:list" "S",
    UserCreate = "user:create" "",
    UserRead = "user:read" "",
    UserUpdate = "user:update" "",
    UserDelete = "user:delete" "",
    UserList = "user:list" "",
    UserGroupCreate = "user-group:create" "",
    UserGroupRead = "user-group:read" "",
    UserGroupUpdate = "user-group:update" "",
    UserGroupDelete = "user-group:delete" "",
    UserGroupList = "user-group:list" "",
    LdapUserCreate = "ldap-user:create" "",
    LdapUserList = "ldap-user:list" "",
    SystemVolumesRead = "system-volumes:read" "",
    RegistryCreate = "registry:create" "S",
    RegistryRead = "registry:read" "S",
    RegistryUpdate = "registry:update" "S",
    RegistryDelete = "registry:delete" "S",
    RegistryList = "registry:list" "S",
    ReplicationPolicyCreate = "replication-policy:create" "S",
    ReplicationPolicyRead = "replication-policy:read" "S",
    ReplicationPolicyUpdate = "replication-policy:update" "S",
    ReplicationPolicyDelete = "replication-policy:delete" "S",
    ReplicationPolicyList = "replication-policy:list" "S",
    ReplicationCreate = "replication:create" "S",
    ReplicationRead = "replication:read" "S",
    ReplicationList = "replication:list" "S",
    ReplicationAdapterList = "replication-adapter:list" "S",
    PreheatInstanceCreate = "preheat-instance:create" "",
    PreheatInstanceRead = "preheat-instance:read" "",
    PreheatInstanceUpdate = "preheat-instance:update" "",
    PreheatInstanceDelete = "preheat-instance:delete" "",
    PreheatInstanceList = "preheat-instance:list" "",
    ScanAllCreate = "scan-all:create" "S",
    ScanAllRead = "scan-all:read" "S",
    ScanAllUpdate = "scan-all:update" "S",
    ScanAllStop = "scan-all:stop" "S",
    GarbageCollectionCreate = "garbage-collection:create" "",
    GarbageCollectionRead = "garbage-collection:read" "",
    GarbageCollectionList = "garbage-collection:list" "",
    GarbageCollectionUpdate = "garbage-collection:update" "",
    GarbageCollectionStop = "garbage-collection:stop" "",
    PurgeAuditCreate = "purge-audit:create" "",
    PurgeAuditRead = "purge-audit:read" "",
    PurgeAuditList = "purge-audit:list" "",
    PurgeAuditUpdate = "purge-audit:update" "",
    PurgeAuditStop = "purge-audit:stop" "",
    JobserviceMonitorList = "jobservice-monitor:list" "",
    JobserviceMonitorStop = "jobservice-monitor:stop" "",
    SecurityHubRead = "security-hub:read" "S",
    SecurityHubList = "security-hub:list" "S",
    AccountRead = "account:read" "S",
    AccountUpdate = "account:update" "",
    PlanRead = "plan:read" "S",
    PlanUpdate = "plan:update" "S",
    TrustRuleCreate = "trust-rule:create" "",
    TrustRuleRead = "trust-rule:read" "",
    TrustRuleUpdate = "trust-rule:update" "",
    TrustRuleDelete = "trust-rule:delete" "",
    TrustRuleList = "trust-rule:list" "",
    IdentitySourceCreate = "identity-source:create" "",
    IdentitySourceRead = "identity-source:read" "",
    IdentitySourceUpdate = "identity-source:update" "",
    IdentitySourceDelete = "identity-source:delete" "",
    IdentitySourceList = "identity-source:list" "",
    NetworkRuleRead = "network-rule:read" "S",
    NetworkRuleUpdate = "network-rule:update" "S",
    RoleRead = "role:read" "S",
    RoleCreate = "role:create" "",
    RoleUpdate = "role:update" "",
    RoleDelete = "role:delete" "",
    GrantList = "grant:list" "S",
    GrantCreate = "grant:create" "",
    GrantDelete = "grant:delete" "",
    ContentRequestList = "content-request:list" "",
    ContentRequestUpdate = "content-request:update" "",
    AuditLogUpdate = "audit-log:update" "",
    InvitationList = "invitation:list" "",
    InvitationCreate = "invitation:create" "",
    InvitationDelete = "invitation:delete" "",
    SinkList = "sink:list" "",
    SinkRead = "sink:read" "",
    SinkCreate = "sink:create" "",
    SinkUpdate = "sink:update" "",
    SinkDelete = "sink:delete" "",
    MetricsRead = "metrics:read" "S",
    MailRead = "mail:read" "",
    MailUpdate = "mail:update" "",
}

impl Action {
    /// Reads a name; `None` for any other.
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|action| action.as_str() == name);
        found.copied()
    }

    pub(super) fn held_by(letter: char) -> Actions {
        let all = Self::ALL.iter().copied();
        all.filter(|action| action.holders().contains(letter))
            .collect()
    }

    /// What it is done to, as in its name.
    pub fn resource(self) -> &'static str {
        self.as_str()
            .split_once(':')
            .map_or("", |(resource, _)| resource)
    }

    /// What is done, as in its name.
    pub fn verb(self) -> &'static str {
        self.as_str().split_once(':').map_or("", |(_, verb)| verb)
    }
}

/// Words of the set: more than there are actions.
const WORDS: usize = 4;

/// A set of actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Actions([u64; WORDS]);

impl Actions {
    /// None.
    pub const NONE: Actions = Actions([0; WORDS]);

    /// What everyone may do in a public namespace: Harbor's table for anonymous callers.
    pub fn of_everyone() -> Actions {
        use Action as A;
        let all = [
            A::RepositoryPull,
            A::RepositoryList,
            A::NamespaceRead,
            A::LabelRead,
            A::LabelList,
            A::TagList,
            A::ArtifactRead,
            A::ArtifactList,
            A::ArtifactAdditionRead,
            A::AccessoryList,
            A::ScanRead,
            A::ScannerRead,
        ];
        all.into_iter().collect()
    }

    fn place(action: Action) -> (usize, u64) {
        let at = action as usize;
        (at / 64, 1 << (at % 64))
    }

    /// Whether it holds an action.
    pub fn contains(&self, action: Action) -> bool {
        let (word, bit) = Self::place(action);
        self.0.get(word).is_some_and(|held| held & bit != 0)
    }

    /// Puts an action into it.
    pub fn insert(&mut self, action: Action) {
        let (word, bit) = Self::place(action);
        if let Some(held) = self.0.get_mut(word) {
            *held |= bit;
        }
    }

    /// Those that it holds, in the order of the catalogue.
    pub fn iter(&self) -> impl Iterator<Item = Action> + '_ {
        let all = Action::ALL.iter().copied();
        all.filter(|action| self.contains(*action))
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        let mut set = Self::NONE;
        actions.into_iter().for_each(|action| set.insert(action));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_a_name_of_its_own_and_a_place_in_the_set() {
        for action in Action::ALL {
            assert_eq!(Action::parse(action.as_str()), Some(*action));
            assert_eq!(
                format!("{}:{}", action.resource(), action.verb()),
                action.as_str()
            );
            let set: Actions = [*action].into_iter().collect();
            assert_eq!(set.iter().collect::<Vec<_>>(), [*action]);
        }
        assert_eq!(Action::parse("repository:everything"), None);
    }
}
