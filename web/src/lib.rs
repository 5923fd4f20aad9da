//! The browser shell of minform. Empty until the playground is built.
