//! A scripted model: speaks the real protocols, plays a script, says that it is one.
