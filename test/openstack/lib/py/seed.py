"""seed N M [K]: N servers in K projects, M 1-GB volumes attached to each.

SEED_SHARE   share of servers with metadata backup=yes (default 0.3)
SEED_TYPE    volume type (default fast)
SEED_JOBS    parallel requests (default 8)
SEED_BATCH   servers built at a time (default 50)
SEED_PREFIX  name prefix (default seed)
Writes $AIO_STATE/<prefix>.json. Projects and users are <prefix>-p<i>.
"""
import concurrent.futures as cf
import json
import os
import sys
import threading
import time

import requests

AUTH, PW = os.environ['AUTH_URL'], os.environ['PW']
N, M = int(sys.argv[1]), int(sys.argv[2])
K = int(sys.argv[3]) if len(sys.argv) > 3 else 4
SHARE = float(os.environ.get('SEED_SHARE', 0.3))
TYPE = os.environ.get('SEED_TYPE', 'fast')
JOBS = int(os.environ.get('SEED_JOBS', 8))
BATCH = int(os.environ.get('SEED_BATCH', 50))
PREFIX = os.environ.get('SEED_PREFIX', 'seed')
local = threading.local()
start = time.time()


def say(*args):
    print('[%6.1fs]' % (time.time() - start), *args, flush=True)


class Cloud:
    def __init__(self, user, project):
        r = requests.post(AUTH + '/auth/tokens', json={'auth': {
            'identity': {'methods': ['password'], 'password': {'user': {
                'name': user, 'domain': {'id': 'default'},
                'password': PW}}},
            'scope': {'project': {'name': project,
                                  'domain': {'id': 'default'}}}}})
        r.raise_for_status()
        body = r.json()['token']
        self.project = body['project']['id']
        self.user = body['user']['id']
        self.url = {s['type']: e['url'] for s in body['catalog']
                    for e in s['endpoints'] if e['interface'] == 'public'}
        self.url['identity'] = AUTH
        self.headers = {
            'X-Auth-Token': r.headers['X-Subject-Token'],
            'OpenStack-API-Version': 'compute 2.93, volume 3.70'}

    def __call__(self, method, service, path, body=None, ok=None):
        if not hasattr(local, 'http'):
            local.http = requests.Session()
            local.http.trust_env = False
        for attempt in range(8):
            try:
                r = local.http.request(method, self.url[service] + path,
                                       json=body, headers=self.headers)
            except requests.ConnectionError:
                time.sleep(0.3)
                continue
            if r.status_code < 400 or r.status_code == ok:
                return r.json() if r.text.startswith('{') else {}
            if r.status_code < 500 and r.status_code != 409:
                break
            time.sleep(0.3 * (attempt + 1))
        raise RuntimeError('%s %s: %s %s'
                           % (method, path, r.status_code, r.text))


def none_left(clouds, service, key, states, limit=600):
    """wait until no server/volume of our projects is in one of the states:
    cheap listings instead of a poll per object"""
    pause = 0.2
    left = [(c, s) for c in clouds for s in states]
    for _ in range(int(limit / pause)):
        while left and not left[0][0](
                'GET', service, '/%s?limit=1&status=%s' % (key, left[0][1])
                )[key]:
            left.pop(0)
        if not left:
            return
        time.sleep(pause)
    raise RuntimeError('%s still in %s' % (key, states))


def project(admin, i):
    name = '%s-p%d' % (PREFIX, i)

    def ensure(kind, **body):
        found = admin('GET', 'identity', '/%ss?name=%s' % (kind, name))
        for x in found[kind + 's']:
            return x['id']
        return admin('POST', 'identity', '/%ss' % kind, {
            kind: dict(name=name, domain_id='default', **body)})[kind]['id']
    pid, uid = ensure('project'), ensure('user', password=PW)
    for role, who in (('member', uid), ('admin', admin.user)):
        rid = admin('GET', 'identity', '/roles?name=' + role)['roles'][0]['id']
        admin('PUT', 'identity',
              '/projects/%s/users/%s/roles/%s' % (pid, who, rid))
    return Cloud(name, name)


def server(cloud, image, i):
    name = '%s-%05d' % (PREFIX, i)
    meta = {'owner': 'team-%d' % (i % 7)}
    if (i * 0.6180339887) % 1 < SHARE:
        meta['backup'] = 'yes'
    sid = cloud('POST', 'compute', '/servers', {'server': {
        'name': name, 'flavorRef': '1', 'imageRef': image,
        'networks': 'none', 'metadata': meta}})['server']['id']
    vols = [cloud('POST', 'volumev3', '/volumes', {'volume': {
        'name': '%s-v%d' % (name, j), 'size': 1, 'volume_type': TYPE,
        'metadata': {'server': name}}})['volume']['id'] for j in range(M)]
    return {'id': sid, 'name': name, 'project': cloud.project,
            'metadata': meta, 'volumes': vols}


def attach(cloud, s):
    for v in s['volumes']:
        cloud('POST', 'compute', '/servers/%s/os-volume_attachments'
              % s['id'], {'volumeAttachment': {'volumeId': v}})


def run(pool, what, jobs):
    """results of the jobs; failures are said and counted"""
    done, bad = [], 0
    for job in cf.as_completed([pool.submit(*j) for j in jobs]):
        try:
            done.append(job.result())
        except Exception as e:
            bad += 1
            say('%s failed:' % what, e)
    return done, bad


def main():
    admin = Cloud('admin', 'admin')
    clouds = [project(admin, i) for i in range(K)]
    image = admin('GET', 'image', '/v2/images?name=tiny')['images'][0]['id']
    say('%d projects ready' % K)
    made, failed = [], 0
    by_project = {c.project: c for c in clouds}
    with cf.ThreadPoolExecutor(JOBS) as pool:
        # batches: a long queue of builds would hit nova's RPC timeouts
        for first in range(0, N, BATCH):
            batch, bad = run(pool, 'create', [
                (server, clouds[i % K], image, i)
                for i in range(first, min(N, first + BATCH))])
            failed += bad
            none_left(clouds, 'compute', 'servers', ['BUILD'])
            none_left(clouds, 'volumev3', 'volumes', ['creating'])
            for what, key in (('compute', 'servers'), ('volumev3', 'volumes')):
                n = sum(len(c('GET', what, '/%s?status=error' % key)[key])
                        for c in clouds)
                if n:
                    say('%d %s are in state error' % (n, key))
            _, bad = run(pool, 'attach', [
                (attach, by_project[s['project']], s) for s in batch])
            failed += bad
            none_left(clouds, 'volumev3', 'volumes',
                      ['reserved', 'attaching'])
            made += batch
            say('%d of %d servers' % (len(made), N))
    with open('%s/%s.json' % (os.environ['S'], PREFIX), 'w') as f:
        json.dump(sorted(made, key=lambda s: s['name']), f, indent=1)
    say('%d servers, %d with backup=yes, %d volumes, %d failed' % (
        len(made), sum('backup' in s['metadata'] for s in made),
        sum(len(s['volumes']) for s in made), failed))
    return 1 if failed else 0


sys.exit(main())
