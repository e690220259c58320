//! What the program itself does to the disk, and what is left when it is killed.

mod pusher;
mod sigkill;
mod stored;
mod system_calls;
