;; C = A B + bias, in float32, for A of M x K, B of K x N and C of M x N, each row after row; one bias a row.
;; The first four arguments are places in bytes. M is a multiple of 4 and N of 8.
;; Blocks of 4 rows and 8 columns of C stay in eight registers while k runs over the whole of A's rows.
(module
  (memory (export "memory") 16)
  (func (export "product")
    (param $a i32) (param $b i32) (param $c i32) (param $bias i32) (param $M i32) (param $N i32) (param $K i32)
    (local $row i32) (local $column i32) (local $left i32)         ;; of C; how many k are left
    (local $a0 i32) (local $a1 i32) (local $a2 i32) (local $a3 i32) ;; where A is read, in four rows
    (local $from i32) (local $to i32)                               ;; where B is read and C, or bias, is touched
    (local $rowA i32) (local $rowB i32)                             ;; bytes of a row of A; of B and C
    (local $b0 v128) (local $b1 v128) (local $weight v128)
    (local $c00 v128) (local $c01 v128) (local $c10 v128) (local $c11 v128)
    (local $c20 v128) (local $c21 v128) (local $c30 v128) (local $c31 v128)

    (local.set $rowA (i32.mul (local.get $K) (i32.const 4)))
    (local.set $rowB (i32.mul (local.get $N) (i32.const 4)))
    (loop $columns
      (local.set $row (i32.const 0))
      (loop $rows
        (local.set $a0 (i32.add (local.get $a) (i32.mul (local.get $row) (local.get $rowA))))
        (local.set $a1 (i32.add (local.get $a0) (local.get $rowA)))
        (local.set $a2 (i32.add (local.get $a1) (local.get $rowA)))
        (local.set $a3 (i32.add (local.get $a2) (local.get $rowA)))
        (local.set $from (i32.add (local.get $b) (i32.mul (local.get $column) (i32.const 4))))

        ;; The block starts as the bias.
        (local.set $to (i32.add (local.get $bias) (i32.mul (local.get $row) (i32.const 4))))
        (local.set $c00 (v128.load32_splat (local.get $to)))
        (local.set $c10 (v128.load32_splat offset=4 (local.get $to)))
        (local.set $c20 (v128.load32_splat offset=8 (local.get $to)))
        (local.set $c30 (v128.load32_splat offset=12 (local.get $to)))
        (local.set $c01 (local.get $c00))
        (local.set $c11 (local.get $c10))
        (local.set $c21 (local.get $c20))
        (local.set $c31 (local.get $c30))

        (local.set $left (local.get $K))
        (loop $inner
          (local.set $b0 (v128.load (local.get $from)))
          (local.set $b1 (v128.load offset=16 (local.get $from)))
          (local.set $weight (v128.load32_splat (local.get $a0)))
          (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $weight) (local.get $b0))))
          (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $weight) (local.get $b1))))
          (local.set $weight (v128.load32_splat (local.get $a1)))
          (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $weight) (local.get $b0))))
          (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $weight) (local.get $b1))))
          (local.set $weight (v128.load32_splat (local.get $a2)))
          (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $weight) (local.get $b0))))
          (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $weight) (local.get $b1))))
          (local.set $weight (v128.load32_splat (local.get $a3)))
          (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $weight) (local.get $b0))))
          (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $weight) (local.get $b1))))
          (local.set $a0 (i32.add (local.get $a0) (i32.const 4)))
          (local.set $a1 (i32.add (local.get $a1) (i32.const 4)))
          (local.set $a2 (i32.add (local.get $a2) (i32.const 4)))
          (local.set $a3 (i32.add (local.get $a3) (i32.const 4)))
          (local.set $from (i32.add (local.get $from) (local.get $rowB)))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $inner (local.get $left)))

        (local.set $to
          (i32.add
            (local.get $c)
            (i32.add
              (i32.mul (local.get $row) (local.get $rowB))
              (i32.mul (local.get $column) (i32.const 4)))))
        (v128.store (local.get $to) (local.get $c00))
        (v128.store offset=16 (local.get $to) (local.get $c01))
        (local.set $to (i32.add (local.get $to) (local.get $rowB)))
        (v128.store (local.get $to) (local.get $c10))
        (v128.store offset=16 (local.get $to) (local.get $c11))
        (local.set $to (i32.add (local.get $to) (local.get $rowB)))
        (v128.store (local.get $to) (local.get $c20))
        (v128.store offset=16 (local.get $to) (local.get $c21))
        (local.set $to (i32.add (local.get $to) (local.get $rowB)))
        (v128.store (local.get $to) (local.get $c30))
        (v128.store offset=16 (local.get $to) (local.get $c31))

        (local.set $row (i32.add (local.get $row) (i32.const 4)))
        (br_if $rows (i32.lt_u (local.get $row) (local.get $M))))
      (local.set $column (i32.add (local.get $column) (i32.const 8)))
      (br_if $columns (i32.lt_u (local.get $column) (local.get $N))))))
