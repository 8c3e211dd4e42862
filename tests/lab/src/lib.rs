//! Parts that the end-to-end tests, the demo and the bench share.
