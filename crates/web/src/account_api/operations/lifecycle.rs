//! Operations about what stays, what goes, and who is told: retention, immutability, trash, webhooks, sinks, jobs.

use crate::account_api::immutability::{ImmutabilityRuleMade, ImmutabilityRuleShown};
use crate::account_api::jobs;
use crate::account_api::jobs::{
    JobLogLineShown, JobQueueShown, JobShown, JobStoppedShown, ScheduleShown,
};
use crate::account_api::locks::{LockShown, TagEndShown};
use crate::account_api::mail;
use crate::account_api::mail::{MailAddressShown, MailShown};
use crate::account_api::network::Versioned;
use crate::account_api::reply::Created;
use crate::account_api::reply::{Done, List, Shown};
use crate::account_api::repositories;
use crate::account_api::repositories::RepositoryShown;
use crate::account_api::retention;
use crate::account_api::retention::{
    RetentionPolicyShown, RetentionPreviewShown, RetentionRunShown,
};
use crate::account_api::sinks;
use crate::account_api::sinks::{MetricsText, SinkShown, SinkTrialShown};
use crate::account_api::tag_history::TagMoveShown;
use crate::account_api::trash::{Emptied, RestoredShown, TrashSettingsShown, TrashShown};
use crate::account_api::webhooks;
use crate::account_api::webhooks::{DeliveryShown, WebhookShown};
use crate::account_api::work;
use crate::account_api::work::JobMade;
use crate::account_api::{immutability, locks};
use crate::account_api::{tag_history, trash};

// A path whose place could take another's word stands after that one.
operations! {
    getTrashSettings: GET "/accounts/{account}/trash/settings" "trash", "Says for how long an account keeps what was deleted, how much of it, and how much there is.",
        => trash::settings -> Shown<TrashSettingsShown>;
    setTrashSettings: PUT "/accounts/{account}/trash/settings" "trash", "Decides for how long an account keeps what was deleted, and how much of it.",
        body trash::TrashSettingsText, => trash::set -> Done;
    listTrash: GET "/accounts/{account}/trash" "trash", "Lists what was deleted and can be restored, what was deleted last first.",
        query trash::LIST, => trash::list -> List<TrashShown>;
    emptyTrash: DELETE "/accounts/{account}/trash" "trash", "Takes all that is in the trash away for good.",
        => trash::empty -> Shown<Emptied>;
    restoreTag: POST "/accounts/{account}/trash/tags" "trash", "Restores the tag of a name that was deleted last, with its manifest.",
        body trash::TrashedTag, => trash::restore_tag -> Shown<RestoredShown>;
    restoreManifest: POST "/accounts/{account}/trash/manifests" "trash", "Restores the manifest of a digest that was deleted last, with its tags.",
        body trash::TrashedDigest, => trash::restore_manifest -> Shown<RestoredShown>;
    restoreTrash: POST "/accounts/{account}/trash/{item}/restore" "trash", "Restores a manifest, a tag, a repository or a namespace with all that was deleted with it.",
        => trash::restore -> Shown<RestoredShown>;
    purgeTrash: DELETE "/accounts/{account}/trash/{item}" "trash", "Takes something in the trash away for good, with all that was deleted with it.",
        => trash::purge -> Done;
    listTagMoves: GET "/accounts/{account}/tag-history" "tags", "Says where a tag pointed, since when and by whom, the newest move first.",
        query tag_history::LIST, => tag_history::list -> List<TagMoveShown>;
    revertTag: POST "/accounts/{account}/tag-history/revert" "tags", "Points a tag at a manifest of its repository, as it did before.",
        body tag_history::Reversion, => tag_history::revert -> Done;
    getRepository: GET "/accounts/{account}/repository" "repositories", "Shows a repository: what is said of it, and how often it was pulled.",
        query repositories::GET, => repositories::get -> Shown<RepositoryShown>;
    describeRepository: PUT "/accounts/{account}/repository" "repositories", "Writes what people are told about a repository, in Markdown.",
        body repositories::RepositoryDescription, => repositories::describe -> Done;
    getRetentionPolicy: GET "/accounts/{account}/namespaces/{namespace}/retention" "retention", "Shows the retention policy of a namespace.",
        => retention::get -> Shown<RetentionPolicyShown>;
    setRetentionPolicy: PUT "/accounts/{account}/namespaces/{namespace}/retention" "retention", "Gives a namespace a retention policy, or writes the one it has anew; a run of it that is under way ends.",
        body retention::RetentionPolicyText, => retention::set -> Done;
    deleteRetentionPolicy: DELETE "/accounts/{account}/namespaces/{namespace}/retention" "retention", "Takes the retention policy of a namespace away; a run of it that is under way ends.",
        => retention::delete -> Done;
    previewRetention: POST "/accounts/{account}/namespaces/{namespace}/retention/preview" "retention", "Says of each artifact why it would stay or go, by the namespace's policy or by other rules.",
        body retention::RetentionTrial, => retention::preview -> Shown<RetentionPreviewShown>;
    listRetentionRuns: GET "/accounts/{account}/namespaces/{namespace}/retention/runs" "retention", "Lists the last runs of a namespace's retention policy, the newest first.",
        => retention::list_runs -> List<RetentionRunShown>;
    runRetention: POST "/accounts/{account}/namespaces/{namespace}/retention/runs" "retention", "Follows a namespace's retention policy now, or tries it.",
        body retention::RetentionRunRequest, => retention::run -> Created<RetentionRunShown>;
    stopRetentionRun: DELETE "/accounts/{account}/namespaces/{namespace}/retention/runs/{run}" "retention", "Stops a retention run; what has gone stays gone.",
        => retention::stop -> Done;
    getRetentionDefault: GET "/accounts/{account}/retention-default" "retention", "Shows the retention policy that new namespaces of the account begin with.",
        => retention::get_default -> Shown<RetentionPolicyShown>;
    setRetentionDefault: PUT "/accounts/{account}/retention-default" "retention", "Gives new namespaces of the account a retention policy to begin with.",
        body retention::RetentionPolicyText, => retention::set_default -> Done;
    deleteRetentionDefault: DELETE "/accounts/{account}/retention-default" "retention", "Lets new namespaces of the account begin without a retention policy.",
        => retention::delete_default -> Done;
    listWebhooks: GET "/accounts/{account}/namespaces/{namespace}/webhooks" "webhooks", "Lists the webhooks of a namespace, by name.",
        => webhooks::list -> List<WebhookShown>;
    createWebhook: POST "/accounts/{account}/namespaces/{namespace}/webhooks" "webhooks", "Makes a webhook, which is told of what happens from then on.",
        body webhooks::WebhookText, => webhooks::create -> Created<WebhookShown>;
    getWebhook: GET "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}" "webhooks", "Shows a webhook and how it fares; its secrets are never shown.",
        => webhooks::get -> Versioned<Shown<WebhookShown>>;
    updateWebhook: PUT "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}" "webhooks", "Changes a webhook.",
        body webhooks::WebhookText, => webhooks::put -> Versioned<Shown<WebhookShown>>;
    deleteWebhook: DELETE "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}" "webhooks", "Deletes a webhook, with its deliveries.",
        => webhooks::delete -> Done;
    testWebhook: POST "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}/test" "webhooks", "Sends a trial to a webhook.",
        => webhooks::test -> Created<DeliveryShown>;
    resumeWebhook: POST "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}/resume" "webhooks", "Lets a webhook go on that was paused after its receiver had failed for a day.",
        body webhooks::WebhookResumption, => webhooks::resume -> Shown<WebhookShown>;
    listDeliveries: GET "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}/deliveries" "webhooks", "Lists what a webhook was told of and waits to be, the newest first.",
        query webhooks::DELIVERIES, => webhooks::deliveries -> List<DeliveryShown>;
    getDelivery: GET "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}/deliveries/{delivery}" "webhooks", "Shows a delivery, with what was sent and some of the answer.",
        => webhooks::delivery -> Shown<DeliveryShown>;
    redeliver: POST "/accounts/{account}/namespaces/{namespace}/webhooks/{webhook}/deliveries/{delivery}/redelivery" "webhooks", "Sends what was sent once more.",
        => webhooks::redeliver -> Created<DeliveryShown>;
    listSinks: GET "/accounts/{account}/sinks" "sinks", "Lists the places to which the account's log goes, by name, with how far behind they are.",
        => sinks::list -> List<SinkShown>;
    createSink: POST "/accounts/{account}/sinks" "sinks", "Makes a sink, to which the account's log goes from then on.",
        body sinks::SinkText, => sinks::create -> Created<SinkShown>;
    getSink: GET "/accounts/{account}/sinks/{sink}" "sinks", "Shows a sink and how it fares; its secret is never shown.",
        => sinks::get -> Versioned<Shown<SinkShown>>;
    updateSink: PUT "/accounts/{account}/sinks/{sink}" "sinks", "Changes a sink.",
        body sinks::SinkText, => sinks::put -> Versioned<Shown<SinkShown>>;
    deleteSink: DELETE "/accounts/{account}/sinks/{sink}" "sinks", "Deletes a sink; the log stays.",
        => sinks::delete -> Done;
    testSink: POST "/accounts/{account}/sinks/{sink}/test" "sinks", "Sends a trial to a sink and says what came of it.",
        => sinks::test -> Shown<SinkTrialShown>;
    resumeSink: POST "/accounts/{account}/sinks/{sink}/resume" "sinks", "Lets a sink go on that was paused after its receiver had failed for a day.",
        body sinks::SinkResumption, => sinks::resume -> Shown<SinkShown>;
    getMail: GET "/accounts/{account}/mail" "mail", "Shows of what an account is told by mail, to which addresses, and how that fares.",
        => mail::get -> Shown<MailShown>;
    setMail: PUT "/accounts/{account}/mail" "mail", "Decides of what an account is told by mail.",
        body mail::MailText, => mail::put -> Shown<MailShown>;
    resumeMail: POST "/accounts/{account}/mail/resume" "mail", "Lets mail go on that was paused after the mail server had failed for a day.",
        body mail::MailResumption, => mail::resume -> Shown<MailShown>;
    addMailAddress: POST "/accounts/{account}/mail/addresses" "mail", "Writes an address down, and sends it a code by which whoever reads its mail agrees.",
        body mail::MailAddressText, => mail::add -> Created<MailAddressShown>;
    askMailAddress: POST "/accounts/{account}/mail/addresses/{mail_address}/code" "mail", "Sends an address that is not confirmed another code.",
        => mail::ask_again -> Shown<MailAddressShown>;
    removeMailAddress: DELETE "/accounts/{account}/mail/addresses/{mail_address}" "mail", "Takes an address away.",
        => mail::remove -> Done;
    confirmMailAddress: POST "/mail/confirm" "mail", "Agrees that an address is told by mail; whoever has the code may.",
        body mail::MailCode, => mail::confirm -> Done;
    stopMail: POST "/mail/stop" "mail", "Ends mail to an address; whoever has the code that stands in each mail may.",
        body mail::MailCode, => mail::stop -> Done;
    getMetrics: GET "/accounts/{account}/metrics" "usage", "Shows the account's figures in Prometheus' text form.",
        => sinks::metrics -> MetricsText;
    listImmutabilityRules: GET "/accounts/{account}/namespaces/{namespace}/immutability" "immutability", "Lists the rules that say which tags of a namespace do not change, the oldest first.",
        => immutability::list -> List<ImmutabilityRuleShown>;
    createImmutabilityRule: POST "/accounts/{account}/namespaces/{namespace}/immutability" "immutability", "Makes a rule that says which tags of a namespace do not change.",
        body immutability::ImmutabilityRuleText, => immutability::create -> Created<ImmutabilityRuleMade>;
    updateImmutabilityRule: PUT "/accounts/{account}/namespaces/{namespace}/immutability/{rule}" "immutability", "Writes a rule of immutability anew, or switches it on or off.",
        body immutability::ImmutabilityRuleChange, => immutability::update -> Done;
    deleteImmutabilityRule: DELETE "/accounts/{account}/namespaces/{namespace}/immutability/{rule}" "immutability", "Deletes a rule of immutability.",
        => immutability::delete -> Done;
    listLocks: GET "/accounts/{account}/locks" "locks", "Lists the locked tags or manifests of a repository, by name.",
        query locks::LIST, => locks::list -> List<LockShown>;
    lock: POST "/accounts/{account}/locks" "locks", "Locks a tag or a manifest: as long as it is, it is neither changed nor deleted.",
        body locks::NewLock, => locks::lock -> Done;
    unlock: DELETE "/accounts/{account}/locks" "locks", "Takes the lock of a tag or a manifest away.",
        query locks::UNLOCK, => locks::unlock -> Done;
    listTagEnds: GET "/accounts/{account}/tag-ends" "tags", "Lists the tags of a repository that end by themselves, by name.",
        query locks::ENDS, => locks::list_ends -> List<TagEndShown>;
    setTagEnd: PUT "/accounts/{account}/tag-ends" "tags", "Says when a tag ends by itself, or that it does not.",
        body locks::TagEndText, => locks::set_end -> Shown<TagEndShown>;
    listJobs: GET "/accounts/{account}/jobs" "jobs", "Lists the account's jobs, the newest first.",
        => jobs::list -> List<JobShown>;
    getJob: GET "/accounts/{account}/jobs/{job}" "jobs", "Shows a job.",
        => work::get -> Shown<JobShown>;
    startJob: POST "/accounts/{account}/jobs" "jobs", "Asks for a collection of the account's garbage, or a purge of its audit log; one of each kind at a time.",
        body work::NewJob, => work::start -> Created<JobMade>;
    retryJob: POST "/accounts/{account}/jobs/{job}/retry" "jobs", "Does what a job was to do, and failed to, by another: of retention, collections of garbage and purges of the audit log.",
        => work::retry -> Created<JobMade>;
    stopJob: DELETE "/accounts/{account}/jobs/{job}" "jobs", "Stops a job: at once when it waits, within a second or so when it is running.",
        => jobs::stop -> Shown<JobStoppedShown>;
    getJobLog: GET "/accounts/{account}/jobs/{job}/log" "jobs", "Lists what the runs of a job had to say, in order.",
        => jobs::log -> List<JobLogLineShown>;
    listJobQueues: GET "/accounts/{account}/job-queues" "jobs", "Lists the account's queues: how much waits of each kind of job, and whether it is paused.",
        => jobs::queues -> List<JobQueueShown>;
    pauseJobQueue: POST "/accounts/{account}/job-queues/{kind}/pause" "jobs", "Lets no job of a kind begin. What runs goes on.",
        => jobs::pause -> Done;
    resumeJobQueue: POST "/accounts/{account}/job-queues/{kind}/resume" "jobs", "Lets jobs of a kind begin again.",
        => jobs::resume -> Done;
    emptyJobQueue: DELETE "/accounts/{account}/job-queues/{kind}/jobs" "jobs", "Stops the jobs of a kind that wait, 10,000 at most. What runs goes on.",
        => jobs::empty -> Done;
    listSchedules: GET "/accounts/{account}/schedules" "jobs", "Lists what is done for the account again and again, by name.",
        => jobs::schedules -> List<ScheduleShown>;
    setSchedule: PUT "/accounts/{account}/schedules/{kind}" "jobs", "Says when a collection of the account's garbage, or a purge of its audit log, comes by itself, and how it is done.",
        body work::ScheduleText, => work::set_schedule -> Done;
    deleteSchedule: DELETE "/accounts/{account}/schedules/{kind}" "jobs", "Ends the schedule of collections of garbage, or of purges of the audit log.",
        => work::end_schedule -> Done;
}
