;; CRC-64/NVME in three braids (Kadatch and Jenkins, "Everything we know about CRC but afraid to forget", 2010): three chains of
;; table lookups that do not wait for each other take half the time of one. Every third word of eight bytes is in one braid; the
;; last three words join the braids. crc64-module.ts is made from this file.
;;
;; Memory: 0 braid tables, one of 256 words for each byte of a word: the effect of a byte on the checksum 24 bytes further on;
;; 16384 one table of 256 words for single bytes; 65536 the input, 256 KiB.
(module
  (memory (export "memory") 5)

  (func (export "init") (param $polynomial i64) (local $byte i32) (local $place i32) (local $steps i32) (local $crc i64)
    (loop $bytes
      (local.set $crc (i64.extend_i32_u (local.get $byte)))
      (local.set $steps (i32.const 8))
      (loop $bits
        (i64.and (local.get $polynomial) (i64.sub (i64.const 0) (i64.and (local.get $crc) (i64.const 1))))
        (local.set $crc (i64.xor (i64.shr_u (local.get $crc) (i64.const 1))))
        (br_if $bits (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
      (i64.store offset=16384 (i32.shl (local.get $byte) (i32.const 3)) (local.get $crc))
      (br_if $bytes (i32.lt_u (local.tee $byte (i32.add (local.get $byte) (i32.const 1))) (i32.const 256))))
    (loop $places
      (local.set $byte (i32.const 0))
      (loop $bytes
        (local.set $crc (i64.shl (i64.extend_i32_u (local.get $byte)) (i64.extend_i32_u (i32.shl (local.get $place) (i32.const 3)))))
        (local.set $steps (i32.const 24))
        (loop $each
          (local.set $crc (call $step (local.get $crc)))
          (br_if $each (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
        (i64.store (i32.add (i32.shl (local.get $place) (i32.const 11)) (i32.shl (local.get $byte) (i32.const 3))) (local.get $crc))
        (br_if $bytes (i32.lt_u (local.tee $byte (i32.add (local.get $byte) (i32.const 1))) (i32.const 256))))
      (br_if $places (i32.lt_u (local.tee $place (i32.add (local.get $place) (i32.const 1))) (i32.const 8)))))

  ;; One byte further.
  (func $step (param $crc i64) (result i64)
    (i64.xor
      (i64.shr_u (local.get $crc) (i64.const 8))
      (i64.load offset=16384 (i32.and (i32.wrap_i64 (i64.shl (local.get $crc) (i64.const 3))) (i32.const 2040)))))

  ;; Eight bytes further.
  (func $word (param $crc i64) (result i64) (local $steps i32)
    (local.set $steps (i32.const 8))
    (loop $each
      (local.set $crc (call $step (local.get $crc)))
      (br_if $each (local.tee $steps (i32.sub (local.get $steps) (i32.const 1)))))
    (local.get $crc))

  ;; The checksum after `length` more bytes at 65536; argument and result are inverted, as CRCs are kept between pieces.
  (func (export "update") (param $crc i64) (param $length i32) (result i64)
    (local $at i32) (local $end i32) (local $a i64) (local $b i64) (local $c i64)
    (local.set $at (i32.const 65536))
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (if (i32.ge_u (local.get $length) (i32.const 48)) (then
      (local.set $a (local.get $crc))
      (loop $blocks
        (local.set $a (i64.xor (local.get $a) (i64.load (local.get $at))))
        (local.set $b (i64.xor (local.get $b) (i64.load offset=8 (local.get $at))))
        (local.set $c (i64.xor (local.get $c) (i64.load offset=16 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 24)))
        (i64.load offset=0 (i32.and (i32.wrap_i64 (i64.shl (local.get $a) (i64.const 3))) (i32.const 2040)))
        (i64.load offset=2048 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 5))) (i32.const 2040))) i64.xor
        (i64.load offset=4096 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 13))) (i32.const 2040))) i64.xor
        (i64.load offset=6144 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 21))) (i32.const 2040))) i64.xor
        (i64.load offset=8192 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 29))) (i32.const 2040))) i64.xor
        (i64.load offset=10240 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 37))) (i32.const 2040))) i64.xor
        (i64.load offset=12288 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 45))) (i32.const 2040))) i64.xor
        (i64.load offset=14336 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $a) (i64.const 53))) (i32.const 2040))) i64.xor
        local.set $a
        (i64.load offset=0 (i32.and (i32.wrap_i64 (i64.shl (local.get $b) (i64.const 3))) (i32.const 2040)))
        (i64.load offset=2048 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 5))) (i32.const 2040))) i64.xor
        (i64.load offset=4096 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 13))) (i32.const 2040))) i64.xor
        (i64.load offset=6144 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 21))) (i32.const 2040))) i64.xor
        (i64.load offset=8192 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 29))) (i32.const 2040))) i64.xor
        (i64.load offset=10240 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 37))) (i32.const 2040))) i64.xor
        (i64.load offset=12288 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 45))) (i32.const 2040))) i64.xor
        (i64.load offset=14336 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $b) (i64.const 53))) (i32.const 2040))) i64.xor
        local.set $b
        (i64.load offset=0 (i32.and (i32.wrap_i64 (i64.shl (local.get $c) (i64.const 3))) (i32.const 2040)))
        (i64.load offset=2048 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $c) (i64.const 5))) (i32.const 2040))) i64.xor
        (i64.load offset=4096 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $c) (i64.const 13))) (i32.const 2040))) i64.xor
        (i64.load offset=6144 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $c) (i64.const 21))) (i32.const 2040))) i64.xor
        (i64.load offset=8192 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $c) (i64.const 29))) (i32.const 2040))) i64.xor
        (i64.load offset=10240 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $c) (i64.const 37))) (i32.const 2040))) i64.xor
        (i64.load offset=12288 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $c) (i64.const 45))) (i32.const 2040))) i64.xor
        (i64.load offset=14336 (i32.and (i32.wrap_i64 (i64.shr_u (local.get $c) (i64.const 53))) (i32.const 2040))) i64.xor
        local.set $c
        (br_if $blocks (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 48))))
      (local.set $crc (call $word (i64.xor (local.get $a) (i64.load (local.get $at)))))
      (local.set $crc (call $word (i64.xor (i64.xor (local.get $b) (local.get $crc)) (i64.load offset=8 (local.get $at)))))
      (local.set $crc (call $word (i64.xor (i64.xor (local.get $c) (local.get $crc)) (i64.load offset=16 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 24)))))
    (block $done
      (loop $rest
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $crc (call $step (i64.xor (local.get $crc) (i64.load8_u (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $rest)))
    (local.get $crc)))
