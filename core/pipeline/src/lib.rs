//! Photo bytes in, renditions out.
