package stdnet

// The flags of recvmsg(2) that ReadMsgUDP gives, by Linux's numbers: sockets are on
// loops nowhere else.
const (
	msgCtrunc = 0x8
	msgTrunc  = 0x20
)
