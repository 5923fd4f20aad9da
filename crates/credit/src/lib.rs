//! Min-form credit assignment.
#![no_std]
extern crate alloc;
