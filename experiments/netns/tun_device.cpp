#include "experiments/netns/tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace dws {
namespace {

class Descriptor {
public:
    Descriptor(const std::string& file, int flags) : number_(open(file.c_str(), flags)) {
        if (number_ < 0) throw std::runtime_error(file + ": " + std::strerror(errno));
    }
    ~Descriptor() {
        if (number_ >= 0) close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int number() const { return number_; }
    int release() {
        const int number = number_;
        number_ = -1;
        return number;
    }

private:
    int number_;
};

void enter_namespace(int descriptor, const std::string& name) {
    if (setns(descriptor, CLONE_NEWNET) != 0)
        throw std::runtime_error("cannot enter the namespace " + name + ": " +
                                 std::strerror(errno));
}

void must(int status, const std::string& what) {
    if (status < 0) throw std::runtime_error(what + ": " + std::strerror(errno));
}

void create(int descriptor, const std::string& name) {
    ifreq request{};
    if (name.empty() || name.size() >= sizeof(request.ifr_name))
        throw std::runtime_error("a device's name has 1 to 15 letters: " + name);
    std::copy(name.begin(), name.end(), request.ifr_name);
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    must(ioctl(descriptor, TUNSETIFF, &request), "cannot make the device " + name);
    must(ioctl(descriptor, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4),
         "the device " + name + " cannot leave cutting to the other end");
}

}  // namespace

// A device belongs to the namespace in which its descriptor was opened.
TunDevice::TunDevice(const std::string& network_namespace, const std::string& name) {
    const Descriptor here("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    const Descriptor there("/run/netns/" + network_namespace, O_RDONLY | O_CLOEXEC);
    enter_namespace(there.number(), network_namespace);
    try {
        Descriptor tun("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        create(tun.number(), name);
        descriptor_ = tun.release();
    } catch (...) {
        enter_namespace(here.number(), "of this program");
        throw;
    }
    enter_namespace(here.number(), "of this program");
}

TunDevice::~TunDevice() {
    if (descriptor_ >= 0) close(descriptor_);
}

std::size_t TunDevice::read(std::span<std::byte> packet) {
    const ssize_t bytes = ::read(descriptor_, packet.data(), packet.size());
    return bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool TunDevice::write(std::span<const std::byte> packet) {
    const ssize_t bytes = ::write(descriptor_, packet.data(), packet.size());
    return bytes == static_cast<ssize_t>(packet.size());
}

}  // namespace dws
