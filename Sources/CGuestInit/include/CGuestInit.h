// Linked into the guest agent alone: what must have happened before the Swift runtime starts. There is nothing to call.
#ifndef CGUESTINIT_H
#define CGUESTINIT_H

#endif
