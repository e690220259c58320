//! Who may do what in an account: people and programs.

pub mod robots;
