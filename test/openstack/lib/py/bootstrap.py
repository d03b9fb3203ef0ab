"""Idempotent content of the cloud: catalogue, projects, users, flavors,
volume types, an image, application credentials, clouds.yaml."""
import json
import os
import sys
import time

import requests

env = os.environ
S, PW, AUTH = env['S'], env['PW'], env['AUTH_URL']
IP = env['IP']
CEPH = env.get('AIO_CEPH') == '1'
http = requests.Session()
http.trust_env = False


def call(method, url, body=None, ok=(200, 201, 202, 204), **kw):
    headers = kw.pop('headers', {})
    for attempt in range(30):
        try:
            r = http.request(method, url, json=body, headers=headers, **kw)
        except requests.ConnectionError:
            time.sleep(0.5)
            continue
        if r.status_code >= 500:
            time.sleep(0.5)
            continue
        break
    if r.status_code not in ok:
        sys.exit('%s %s: %s %s' % (method, url, r.status_code, r.text))
    return r.json() if r.text.startswith('{') else {}


def token(user, project):
    body = {'auth': {
        'identity': {'methods': ['password'], 'password': {'user': {
            'name': user, 'domain': {'id': 'default'}, 'password': PW}}},
        'scope': {'project': {'name': project,
                              'domain': {'id': 'default'}}}}}
    r = http.post(AUTH + '/auth/tokens', json=body)
    r.raise_for_status()
    t = r.json()['token']
    return r.headers['X-Subject-Token'], t['user']['id'], t['project']['id']


tok, admin_id, admin_project = token('admin', 'admin')
H = {'X-Auth-Token': tok}


def ensure(kind, name, **extra):
    """keystone: GET by name or POST; returns the id"""
    single = kind[:-1]
    for x in call('GET', '%s/%s?name=%s' % (AUTH, kind, name),
                  headers=H)[kind]:
        return x['id']
    body = {single: dict(name=name, **extra)}
    return call('POST', '%s/%s' % (AUTH, kind), body, headers=H)[single]['id']


def grant(project, user, role):
    call('PUT', '%s/projects/%s/users/%s/roles/%s'
         % (AUTH, project, user, role), headers=H)


def identity():
    roles = {r: ensure('roles', r)
             for r in ('admin', 'member', 'reader', 'service',
                       'backup-reader')}
    service = ensure('projects', 'service', domain_id='default')
    for name in ('nova', 'cinder', 'glance', 'placement'):
        user = ensure('users', name, password=PW, domain_id='default')
        for role in ('admin', 'service'):
            grant(service, user, roles[role])
    for name in ('demo', 'other'):
        project = ensure('projects', name, domain_id='default')
        user = ensure('users', name, password=PW, domain_id='default')
        grant(project, user, roles['member'])
    have = {(e['service_id'], e['interface'])
            for e in call('GET', AUTH + '/endpoints', headers=H)['endpoints']}
    for kind, name, url in (
            ('compute', 'nova', ':%s/v2.1' % env['P_NOVA']),
            ('volumev3', 'cinderv3',
             ':%s/v3/%%(project_id)s' % env['P_CINDER']),
            ('block-storage', 'cinder', ':%s/v3' % env['P_CINDER']),
            ('placement', 'placement', ':%s' % env['P_PLACEMENT']),
            ('image', 'glance', ':%s' % env['P_GLANCE'])):
        sid = ensure('services', name, type=kind)
        for face in ('public', 'internal', 'admin'):
            if (sid, face) not in have:
                call('POST', AUTH + '/endpoints', {'endpoint': {
                    'service_id': sid, 'interface': face,
                    'region_id': 'RegionOne', 'url': 'http://' + IP + url}},
                    headers=H)
    creds = {}
    for user in ('admin', 'demo'):
        t, uid, _ = token(user, user)
        h = {'X-Auth-Token': t}
        path = S + '/run/appcred-%s.json' % user
        url = '%s/users/%s/application_credentials' % (AUTH, uid)
        if os.path.exists(path):
            with open(path) as f:
                creds[user] = json.load(f)
            r = http.get(url + '/' + creds[user]['id'], headers=h)
            if r.status_code == 200:
                continue
        for old in call('GET', url, headers=h)['application_credentials']:
            if old['name'] == 'aio':
                call('DELETE', url + '/' + old['id'], headers=h)
        creds[user] = call('POST', url, {'application_credential': {
            'name': 'aio', 'secret': PW + '-' + user}},
            headers=h)['application_credential']
        with open(path, 'w') as f:
            json.dump(creds[user], f)
    write_clouds(creds)


def write_clouds(creds):
    def password(user, project):
        return {'auth': {
            'auth_url': AUTH, 'username': user, 'password': PW,
            'project_name': project, 'user_domain_name': 'Default',
            'project_domain_name': 'Default'}}

    def appcred(user):
        return {'auth_type': 'v3applicationcredential', 'auth': {
            'auth_url': AUTH,
            'application_credential_id': creds[user]['id'],
            'application_credential_secret': PW + '-' + user}}
    clouds = {'admin': password('admin', 'admin'),
              'demo': password('demo', 'demo'),
              'other': password('other', 'other'),
              'admin-appcred': appcred('admin'),
              'demo-appcred': appcred('demo')}
    for c in clouds.values():
        c.update(region_name='RegionOne', identity_api_version=3,
                 volume_api_version='3.70', compute_api_version='2.92')
    # JSON is YAML
    # It holds passwords, and Dirigent takes none from a file that others may read.
    with open(S + '/clouds.yaml', 'w', opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
        os.fchmod(f.fileno(), 0o600)
        json.dump({'clouds': clouds}, f, indent=2)
        f.write('\n')


def content():
    nova = 'http://%s:%s/v2.1' % (IP, env['P_NOVA'])
    cinder = 'http://%s:%s/v3/%s' % (IP, env['P_CINDER'], admin_project)
    glance = 'http://%s:%s/v2' % (IP, env['P_GLANCE'])
    have = {f['name'] for f in
            call('GET', nova + '/flavors?is_public=None',
                 headers=H)['flavors']}
    for i, (name, ram, vcpus, disk) in enumerate(
            (('m1.tiny', 64, 1, 1), ('m1.small', 512, 1, 10),
             ('m1.zero', 64, 1, 0))):
        if name not in have:
            call('POST', nova + '/flavors', {'flavor': {
                'id': str(i + 1), 'name': name, 'ram': ram, 'vcpus': vcpus,
                'disk': disk}}, headers=H)
    have = {t['name']: t['id'] for t in
            call('GET', cinder + '/types', headers=H)['volume_types']}
    if 'rbd' in have and not CEPH and env.get('AIO_CEPH_SWITCH') == '1':
        # stays (400) while a volume has it
        call('DELETE', cinder + '/types/' + have['rbd'], headers=H,
             ok=(202, 400))
    for name in ('fast', 'nfs') + (('rbd',) if CEPH else ()):
        if name not in have:
            call('POST', cinder + '/types', {'volume_type': {
                'name': name, 'extra_specs': {'volume_backend_name': name}}},
                headers=H)
    if not call('GET', glance + '/images?name=tiny', headers=H)['images']:
        image = call('POST', glance + '/images', {
            'name': 'tiny', 'disk_format': 'raw', 'container_format': 'bare',
            'visibility': 'public', 'min_disk': 0}, headers=H)
        r = http.put('%s/images/%s/file' % (glance, image['id']),
                     data=os.urandom(65536), headers=dict(
                         H, **{'Content-Type': 'application/octet-stream'}))
        r.raise_for_status()


def healthy():
    """true once every agent reports and the scheduler knows the compute"""
    nova = 'http://%s:%s/v2.1' % (IP, env['P_NOVA'])
    cinder = 'http://%s:%s/v3/%s' % (IP, env['P_CINDER'], admin_project)
    s = call('GET', nova + '/os-services', headers=H)['services']
    up = {x['binary'] for x in s if x['state'] == 'up'}
    s = call('GET', cinder + '/os-services', headers=H)['services']
    up |= {(x['binary'] + ' ' + x['host']) for x in s if x['state'] == 'up'}
    want = {'nova-conductor', 'nova-scheduler', 'nova-compute',
            'cinder-scheduler aio', 'cinder-backup aio',
            'cinder-volume aio@fast', 'cinder-volume aio@nfs'}
    hyp = call('GET', nova + '/os-hypervisors', headers=H)['hypervisors']
    # services are "up" before the scheduler has heard of their pools
    pools = {p['name'].split('#')[0] for p in call(
        'GET', cinder + '/scheduler-stats/get_pools', headers=H)['pools']}
    want |= {'pool aio@fast', 'pool aio@nfs'}
    if CEPH:
        want |= {'cinder-volume aio-ceph@rbd', 'pool aio-ceph@rbd'}
        if env['AIO_BACKUP_DRIVER'] == 'both':
            want.add('cinder-backup aio-ceph')
    up |= {'pool ' + p for p in pools}
    return sorted(want - up) + ([] if hyp else ['hypervisor'])


if sys.argv[1] == 'identity':
    identity()
elif sys.argv[1] == 'content':
    content()
else:
    for _ in range(240):
        missing = healthy()
        if not missing:
            break
        time.sleep(0.5)
    else:
        sys.exit('not healthy: %s' % missing)
