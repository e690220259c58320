//! What the program itself does to the disk, and what is left when it is killed.

pub(crate) mod pusher;
mod sigkill;
mod stored;
mod system_calls;
