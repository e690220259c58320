//! Replicas are killed at random while clients push and pull: nothing that was acknowledged is lost, and nobody ever gets
//! a wrong byte.

use std::time::Duration;

use super::Replicas;
use super::load::Load;
use crate::faults::pusher::Random;
use crate::scale;

const REPLICAS: usize = 3;
/// One replica dies each time.
const EVERY: Duration = Duration::from_secs(1);
/// With so many kills the number of clients is that of a soak.
const KILLS_OF_A_SOAK: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_replicas_are_killed() {
    let kills = scale::count(10);
    let clients = if kills < KILLS_OF_A_SOAK { 6 } else { 30 };
    let mut random = Random::new(scale::seed());
    let lifetime = ("REGISTRY__TOKEN_LIFETIME_SECS", "3600");
    let mut replicas = Replicas::start_with(REPLICAS, &[lifetime]).await;
    let load = Load::start(&replicas, clients, &mut random).await;

    for _ in 0..kills {
        // Not waiting for anything: the moment is what is random here.
        tokio::time::sleep(EVERY).await;
        let victim = usize::try_from(random.below(REPLICAS as u64)).expect("it fits");
        replicas.kill(victim);
        replicas.restart(victim).await;
    }
    let ended = load.end().await;

    replicas.wait_until_all_are_up();
    assert!(
        ended.images() >= clients,
        "only {} images: the test tests nothing",
        ended.images()
    );
    eprintln!(
        "{kills} kills, {} images, {} retries",
        ended.images(),
        ended.retries
    );
    ended.everything_is_there(replicas.origin()).await;
}
