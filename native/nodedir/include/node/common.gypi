# What node-gyp takes from the folder of Node's headers. Ours, so that a Node without its headers does as well and no flags come from elsewhere: the
# addon needs nothing but Node-API, whose headers are an npm package (node-api-headers).
{
  "target_defaults": { "default_configuration": "Release", "configurations": { "Release": {} } }
}
