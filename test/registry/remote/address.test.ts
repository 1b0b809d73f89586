import assert from 'node:assert/strict'
import { type AddressClass, classifyAddress, isLoopbackHost, mayReach } from '../../../registry/remote/address.ts'

describe('classifyAddress', () => {
  for (const [address, want] of [
    ['8.8.8.8', 'public'],
    ['172.15.0.1', 'public'],
    ['2606:4700::1111', 'public'],
    ['10.0.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd00::1', 'private'],
    ['64:ff9b::7f00:1', 'private'],
    ['2002:7f00:1::', 'private'],
    ['127.0.0.1', 'loopback'],
    ['127.255.0.9', 'loopback'],
    ['::1', 'loopback'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:8.8.8.8', 'public'],
    ['169.254.169.254', 'forbidden'],
    ['::ffff:169.254.169.254', 'forbidden'],
    ['0.0.0.0', 'forbidden'],
    ['::', 'forbidden'],
    ['fe80::1%eth0', 'forbidden'],
    ['224.0.0.1', 'forbidden'],
    ['255.255.255.255', 'forbidden'],
    ['not an address', 'forbidden'],
  ] as [string, AddressClass][]) {
    it(`calls ${address} ${want}`, () => assert.equal(classifyAddress(address), want))
  }
})

describe('mayReach', () => {
  for (const [from, allowed] of [
    ['public', ['public']],
    ['private', ['public', 'private']],
    ['loopback', ['public', 'private', 'loopback']],
    ['forbidden', ['public']],
  ] as [AddressClass, AddressClass[]][]) {
    it(`lets ${from} name ${allowed.join(', ')}`, () => {
      const classes: AddressClass[] = ['public', 'private', 'loopback', 'forbidden']
      assert.deepEqual(
        classes.filter((to) => mayReach(from, to)),
        allowed,
      )
    })
  }
})

describe('isLoopbackHost', () => {
  for (const [host, want] of [
    ['localhost', true],
    ['LOCALHOST.', true],
    ['registry.localhost', true],
    ['127.0.0.53', true],
    ['[::1]', true],
    ['localhost.example', false],
    ['127.0.0.1.example', false],
    ['10.0.0.1', false],
  ] as [string, boolean][]) {
    it(`says ${want} of ${host}`, () => assert.equal(isLoopbackHost(host), want))
  }
})
