"""The lab of two virtual machines that Vagrant makes with libvirt: a kernel, a disk and SELinux of their own."""
