internal import Crypto
internal import Logging
internal import NIOPosix
internal import Subprocess
