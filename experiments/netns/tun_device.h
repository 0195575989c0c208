// One end of a link: a network device of a namespace whose packets this process carries. It exists
// as long as this object does. Linux only; asks for CAP_NET_ADMIN and CAP_SYS_ADMIN.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace dws {

// A TCP stack hands over up to 64 KiB at once, not yet cut into packets of the device's MTU; a
// header of this many bytes before each (struct virtio_net_hdr) says how it is to be cut. It goes
// to the other end unchanged, so a fast link costs few system calls.
inline constexpr std::size_t kTunHeaderBytes = 10;
inline constexpr std::size_t kTunPacketBytes = kTunHeaderBytes + 65'536;

class TunDevice {
public:
    // network_namespace: a name of `ip netns`. Throws std::runtime_error saying which step failed.
    TunDevice(const std::string& network_namespace, const std::string& name);
    ~TunDevice();
    TunDevice(const TunDevice&) = delete;
    TunDevice& operator=(const TunDevice&) = delete;

    int descriptor() const { return descriptor_; }  // readable when a packet is there
    // Into `packet`, of kTunPacketBytes, header included. 0: none is there.
    std::size_t read(std::span<std::byte> packet);
    // False: the device is down, or has no memory for the packet.
    bool write(std::span<const std::byte> packet);

private:
    int descriptor_ = -1;
};

}  // namespace dws
