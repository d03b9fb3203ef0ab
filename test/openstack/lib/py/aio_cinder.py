"""A volume driver of plain files, for a cloud without LVM or iSCSI.

A volume of N GiB is a sparse file of N * aio_bytes_per_gib bytes, so that
backups and clones of many volumes cost little. All else (states, quotas,
scheduling, attachments, backups) is cinder's own.
"""
import os
import subprocess

from oslo_config import cfg

from cinder import exception
from cinder import interface
from cinder.volume import configuration
from cinder.volume import driver
from cinder.volume import volume_utils

opts = [
    cfg.StrOpt('aio_path', help='directory of the files'),
    cfg.IntOpt('aio_bytes_per_gib', default=1 << 30,
               help='bytes on disk per nominal GiB'),
]
cfg.CONF.register_opts(opts, group=configuration.SHARED_CONF_GROUP)


@interface.volumedriver
class FileDriver(driver.VolumeDriver):
    VERSION = '1.0'

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(opts)

    @staticmethod
    def get_driver_options():
        return opts

    def do_setup(self, context):
        self.dir = self.configuration.aio_path
        os.makedirs(self.dir, exist_ok=True)

    def check_for_setup_error(self):
        pass

    def _path(self, obj):
        return os.path.join(self.dir, obj.name)

    def _bytes(self, gib):
        return gib * self.configuration.aio_bytes_per_gib

    def _truncate(self, path, gib):
        with open(path, 'ab') as f:
            f.truncate(self._bytes(gib))

    def _copy(self, src, dst, gib):
        if not os.path.exists(src):
            raise exception.VolumeBackendAPIException(data='no file ' + src)
        subprocess.run(['cp', '--sparse=always', src, dst], check=True)
        self._truncate(dst, gib)

    @staticmethod
    def _remove(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def create_volume(self, volume):
        self._truncate(self._path(volume), volume.size)

    def delete_volume(self, volume):
        self._remove(self._path(volume))

    def create_snapshot(self, snapshot):
        self._copy(self._path(snapshot.volume), self._path(snapshot),
                   snapshot.volume_size)

    def delete_snapshot(self, snapshot):
        self._remove(self._path(snapshot))

    def create_volume_from_snapshot(self, volume, snapshot):
        self._copy(self._path(snapshot), self._path(volume), volume.size)

    def create_cloned_volume(self, volume, src_vref):
        self._copy(self._path(src_vref), self._path(volume), volume.size)

    def revert_to_snapshot(self, context, volume, snapshot):
        self._copy(self._path(snapshot), self._path(volume), volume.size)

    def extend_volume(self, volume, new_size):
        self._truncate(self._path(volume), new_size)

    def copy_image_to_volume(self, context, volume, image_service, image_id,
                             disable_sparse=False):
        with open(self._path(volume), 'r+b') as f:
            image_service.download(context, image_id, f)
        self._truncate(self._path(volume), volume.size)

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def create_export_snapshot(self, context, snapshot, connector):
        pass

    def remove_export_snapshot(self, context, snapshot):
        pass

    def initialize_connection(self, volume, connector):
        return {'driver_volume_type': 'local',
                'data': {'device_path': self._path(volume)}}

    def terminate_connection(self, volume, connector, **kwargs):
        pass

    def initialize_connection_snapshot(self, snapshot, connector, **kwargs):
        return {'driver_volume_type': 'local',
                'data': {'device_path': self._path(snapshot)}}

    def terminate_connection_snapshot(self, snapshot, connector, **kwargs):
        pass

    def _update_volume_stats(self):
        self._stats = {
            'volume_backend_name':
                self.configuration.safe_get('volume_backend_name'),
            'vendor_name': 'aio', 'driver_version': self.VERSION,
            'storage_protocol': 'local',
            'pools': [{'pool_name': 'pool', 'total_capacity_gb': 'infinite',
                       'free_capacity_gb': 'infinite',
                       'reserved_percentage': 0, 'QoS_support': False,
                       'thin_provisioning_support': True,
                       'multiattach': True,
                       'max_over_subscription_ratio': 1000,
                       'backend_state': 'up'}],
        }
