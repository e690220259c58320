//! The account's schedules.

use super::jobservice::job_type;
use super::reply::{Reply, omit_empty};
use super::{Call, HarborError};
use serde_json::{Value, json};
use services::NumberedSchedule;

fn schedule(one: &NumberedSchedule) -> Value {
    omit_empty(
        json!({
            "id": one.number,
            "vendor_type": job_type(&one.row.kind),
            "vendor_id": one.policy_number.unwrap_or_default(),
            "cron": one.row.cron.as_deref().unwrap_or_default(),
        }),
        &[],
    )
}

/// `listSchedules`.
pub(super) async fn list(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    let query = call.query.list()?;
    let jobs = &call.services().jobs;
    let listed = jobs.numbered_schedules(&call.by, query).await?;
    call.page(&listed, schedule)
}

/// `getSchedulePaused`: schedules are made and ended, not paused.
#[expect(clippy::unused_async, reason = "all operations are")]
pub(super) async fn paused(call: &Call<'_>) -> Result<Reply, HarborError> {
    call.require_login()?;
    if call.param("job_type") != "all" {
        return Err(HarborError::bad_request(
            "whether schedules are paused is asked of all of them: /schedules/all/paused",
        ));
    }
    Ok(Reply::json(&json!({ "paused": false })))
}
