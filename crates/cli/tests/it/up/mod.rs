//! `freehold up` and the other roles as real processes, in a sealed home.

mod adopt;
mod doctor;
mod heals;
mod roles;
mod starts;
mod supervised;
