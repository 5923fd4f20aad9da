//! stub
/// g
pub struct Grade{/// c
pub correct:bool}
/// g
pub fn grade(r:&str,t:&str)->Grade{Grade{correct:r.rsplit("\\boxed{").next().is_some_and(|x|x.trim_end_matches('}')==t)}}
