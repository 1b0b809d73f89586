# node-gyp insists on it; see common.gypi.
{ "variables": {}, "target_defaults": {} }
